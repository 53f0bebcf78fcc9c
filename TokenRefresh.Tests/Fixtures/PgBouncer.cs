using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using Xunit;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>A real PgBouncer in front of a database.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private static readonly string[] Places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("tokenrefresh-pgbouncer-");
    private Process? process;

    private PgBouncer(string connectionString) => ConnectionString = connectionString;

    /// <summary>Leads through it to the database.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts it; where it is not installed the test is skipped.</summary>
    /// <param name="mode">Its <c>pool_mode</c>.</param>
    /// <param name="further">Lines for the section <c>[pgbouncer]</c>.</param>
    public static async Task<PgBouncer> StartAsync(string connectionString, string mode, string further = "")
    {
        var program = Array.Find(Places, File.Exists);
        Assert.SkipUnless(program is not null, "PgBouncer is not installed.");
        var (behind, port) = (new NpgsqlConnectionStringBuilder(connectionString), UnusedPort());
        var pooler = new PgBouncer($"Host=127.0.0.1;Port={port};Database={behind.Database};Username={behind.Username};Password=any");
        var settings = Path.Combine(pooler.folder.FullName, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            settings,
            $"""
             [databases]
             * = host={behind.Host} port={behind.Port} user={behind.Username} password={behind.Password}
             [pgbouncer]
             listen_addr = 127.0.0.1
             listen_port = {port}
             unix_socket_dir =
             auth_type = any
             pool_mode = {mode}
             default_pool_size = 60
             {further}

             """);

        // It does not run as root, so another user has to be able to read this.
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(pooler.folder.FullName, FileModes.OwnFolder | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        pooler.process = Process.Start(new ProcessStartInfo(program, Environment.UserName == "root" ? ["-q", "-u", "nobody", settings] : ["-q", settings]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        pooler.process.BeginErrorReadLine();
        pooler.process.BeginOutputReadLine();
        await RunningServer.UntilAsync(() => IsListeningAsync(port), "PgBouncer listens", seconds: 30);
        return pooler;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        folder.Delete(recursive: true);
    }

    private static async Task<bool> IsListeningAsync(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int UnusedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
