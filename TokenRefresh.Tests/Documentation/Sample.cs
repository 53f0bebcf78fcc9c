using System.Diagnostics;

namespace TokenRefresh.Tests.Documentation;

/// <summary>What a run came to.</summary>
internal sealed record SampleEnd(int ExitCode, string Out, string Error);

/// <summary>Runs a program of another language.</summary>
internal static class Sample
{
    /// <summary>To its end, with further variables in its environment.</summary>
    public static async Task<SampleEnd> RunAsync(string program, IEnumerable<string> args, Dictionary<string, string> variables)
    {
        var start = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await error);
    }
}
