using System.ComponentModel;
using System.Diagnostics;

namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>What a program that was run has printed, and how it ended.</summary>
internal sealed record CommandResult(int ExitCode, string Output)
{
    private const string FullDisk = "No space left on device";

    private static readonly string[] Signs = ["FATAL:", "PANIC:", "error:"];

    public bool Succeeded => ExitCode == 0;

    /// <summary>The last line that says something.</summary>
    public string LastLine => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? $"exit code {ExitCode}";

    /// <summary>Why it failed: what a program of Postgres prints after that is about its own tidying up.</summary>
    public string Complaint => LastComplaint(Output) ?? LastLine;

    /// <summary>The last line in which a program of Postgres says that it gave up, or null. A full disk is told once, and what follows are its consequences.</summary>
    public static string? LastComplaint(string output) =>
        output.Split('\n', StringSplitOptions.TrimEntries) is var lines && Array.FindLast(lines, line => line.Contains(FullDisk, StringComparison.Ordinal)) is { } full
            ? full
            : Array.FindLast(lines, line => Signs.Any(sign => line.Contains(sign, StringComparison.Ordinal)));
}

/// <summary>Runs short programs to their end.</summary>
internal static class Commands
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <summary>Runs a program until it ends. A child that it leaves behind is not waited for.</summary>
    public static CommandResult Run(string program, IReadOnlyList<string> arguments, string? workingDirectory = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? Path.GetPathRoot(Environment.SystemDirectory) ?? "/",
        };

        // Settings are this program's: they hold its secrets, and Postgres runs as another user where this one is root.
        foreach (var name in start.Environment.Keys.Where(name => name.Contains("__", StringComparison.Ordinal) || name.StartsWith("OTEL_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        // Messages are read by people and by us: the same words everywhere.
        start.Environment["LC_ALL"] = "C";
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string>[] printed = [process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync()];
            process.WaitForExit();

            // On Windows a server that pg_ctl has started holds its pipes open; what it has to say is in its log.
            Task.WaitAll(printed, Grace);
            return new(process.ExitCode, string.Concat(printed.Where(text => text.IsCompletedSuccessfully).Select(text => text.Result)));
        }
        catch (Win32Exception error)
        {
            return new(-1, $"{program}: {error.Message}");
        }
    }
}
