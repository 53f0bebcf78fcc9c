using System.Diagnostics;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>A data folder for child processes. Whatever Postgres is left in it is ended, then it is deleted.</summary>
internal sealed class DataFolder : IAsyncDisposable
{
    /// <summary>Not made here: the program makes it, and a test can see whether it did.</summary>
    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"tokenrefresh-process-{Guid.NewGuid():N}");

    public bool Exists => Directory.Exists(Path);

    /// <summary>What lets a verb work beside a <see cref="RunningServer"/>, on its database and with its master key.</summary>
    public Dictionary<string, string> VerbSettings(string connectionString) => new()
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Development",
        ["Data__Directory"] = Path,
        ["ConnectionStrings__TokenRefresh"] = connectionString,
        ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]),
        ["Sandbox__Enabled"] = "false",
    };

    /// <summary>The Postgres processes that run on this folder's cluster.</summary>
    public IReadOnlyList<int> PostgresProcesses()
    {
        using var search = Process.Start(new ProcessStartInfo("pgrep", ["-f", "--", $"-D {Path}"]) { RedirectStandardOutput = true })!;
        var found = search.StandardOutput.ReadToEnd();
        search.WaitForExit();
        return [.. found.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var postmaster in PostgresProcesses())
        {
            // An immediate shutdown: its children end with it and nothing here is kept.
            ServerProcess.Signal(postmaster, "QUIT");
        }

        while (PostgresProcesses().Count > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        if (Exists)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
