using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;

namespace TokenRefresh.Bench;

/// <summary>The program as a process of its own, on a database and with a provider that are given.</summary>
internal sealed class ServerNode : IAsyncDisposable
{
    // The published program where the script names its folder, else the one that was built beside this.
    private static readonly string Program = ProgramIn(Environment.GetEnvironmentVariable("TOKENREFRESH_BENCH_SERVER") ?? AppContext.BaseDirectory);

    private readonly Process process;

    private ServerNode(Process process, string address) => (this.process, Http.BaseAddress) = (process, new(address));

    /// <summary>The process's id.</summary>
    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    public HttpClient Http { get; } = new() { Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>The memory that the process holds, in MB: in all, and without the pages of files that it shares with others.</summary>
    public (double Resident, double Own) Memory
    {
        get
        {
            var fields = File.ReadLines($"/proc/{process.Id}/status").Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim());
            return (Megabytes("VmRSS"), Megabytes("RssAnon") + Megabytes("RssShmem"));

            double Megabytes(string name) => double.Parse(fields[name].Split(' ')[0], CultureInfo.InvariantCulture) / 1024;
        }
    }

    /// <summary>Starts a node; it may not answer yet.</summary>
    /// <param name="hears">Gets each line that it prints; null to pass on only what is on stderr.</param>
    /// <param name="build">The folder of another build; null for the usual one.</param>
    public static ServerNode Start(IReadOnlyDictionary<string, string> settings, int port, Action<string>? hears = null, string? build = null)
    {
        var address = $"http://127.0.0.1:{port}";
        var process = Launch(build is null ? Program : ProgramIn(build), settings, "serve", "--urls", address);

        // Read even where it is dropped, or the node would wait for a full pipe.
        process.OutputDataReceived += (_, line) => hears?.Invoke(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => (hears ?? (text => Console.Error.Write(text.Length > 0 ? $"  {text}\n" : "")))(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new(process, address);
    }

    /// <summary>Sends a signal, such as <c>KILL</c>, <c>STOP</c> or <c>CONT</c>.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Runs a verb beside the nodes and gives what it prints.</summary>
    public static async Task<string> RunAsync(IReadOnlyDictionary<string, string> settings, params string[] args)
    {
        using var verb = Launch(Program, settings, args);
        var text = await verb.StandardOutput.ReadToEndAsync();
        await verb.WaitForExitAsync();
        return verb.ExitCode == 0 ? text.Trim() : throw new InvalidOperationException($"{string.Join(' ', args)} ended with {verb.ExitCode}: {await verb.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Waits until the node answers that it is ready.</summary>
    public async Task BecomesReadyAsync() => await WaitFor.TrueAsync(async () => (await Http.GetAsync(new Uri("/health/ready", UriKind.Relative))).IsSuccessStatusCode, "the node is ready");

    public void SignIn(string key) => Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

    public async ValueTask DisposeAsync()
    {
        Signal("TERM");
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
        Http.Dispose();
    }

    private static string ProgramIn(string folder) => Path.Combine(folder, "TokenRefresh.Server.dll");

    private static Process Launch(string program, IReadOnlyDictionary<string, string> settings, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(program) };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
