using System.Globalization;

namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>The server process of a cluster, as the file that it leaves in the cluster's folder tells of it.</summary>
internal sealed class Postmaster(string cluster)
{
    private readonly string file = Path.Combine(cluster, "postmaster.pid");

    /// <summary>The port it listens on, once it does.</summary>
    public int? Port => Line(3);

    /// <summary>
    /// True while the process that the file names serves this cluster. After a kill the number may be a stranger's by now,
    /// or of an exited process that was not reaped; Postgres itself would refuse to start beside either.
    /// </summary>
    public bool IsAlive() => Line(0) is { } pid && CommandLine(pid).Contains(cluster, StringComparison.Ordinal);

    /// <summary>Deletes the file of a process that serves this cluster no more.</summary>
    public void ForgetDead()
    {
        // Windows tells no stranger's command line, and clears the file itself.
        if (!OperatingSystem.IsWindows() && !IsAlive() && File.Exists(file))
        {
            File.Delete(file);
        }
    }

    private int? Line(int number) =>
        File.Exists(file) && File.ReadAllLines(file) is var lines && lines.Length > number
            && int.TryParse(lines[number], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static string CommandLine(int pid) =>
        !OperatingSystem.IsLinux() ? OperatingSystem.IsWindows() ? "" : Commands.Run("ps", ["-o", "args=", "-p", pid.ToString(CultureInfo.InvariantCulture)]).Output
        : File.Exists($"/proc/{pid}/cmdline") ? File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ')
        : "";
}
