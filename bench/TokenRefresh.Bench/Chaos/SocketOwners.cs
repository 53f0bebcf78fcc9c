using System.Collections.Concurrent;
using System.Globalization;

namespace TokenRefresh.Bench.Chaos;

/// <summary>Tells which process is at the other end of a connection on loopback, as the kernel's tables name it.</summary>
internal sealed class SocketOwners(Func<IEnumerable<int>> processes)
{
    private static readonly string[] Tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    private readonly ConcurrentDictionary<string, int> known = new(StringComparer.Ordinal);

    /// <summary>The process that has made a connection to us; 0 where it has gone already.</summary>
    public int Of(ConnectionInfo connection)
    {
        if (known.TryGetValue(connection.Id, out var process))
        {
            return process;
        }

        process = Inode(connection.RemotePort, connection.LocalPort) is { } inode ? processes().FirstOrDefault(candidate => Holds(candidate, $"socket:[{inode}]")) : 0;
        return process == 0 ? 0 : known.GetOrAdd(connection.Id, process);
    }

    private static string? Inode(int port, int peer) => Tables
        .SelectMany(File.ReadLines)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .FirstOrDefault(fields => fields.Length > 9 && Port(fields[1]) == port && Port(fields[2]) == peer)?[9];

    private static int Port(string address) =>
        int.TryParse(address[(address.LastIndexOf(':') + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var port) ? port : -1;

    private static bool Holds(int process, string socket)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{process}/fd").Any(file => new FileInfo(file).LinkTarget == socket);
        }
        catch (IOException)
        {
            // It has ended.
            return false;
        }
    }
}
