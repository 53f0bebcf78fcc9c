using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;

namespace TokenRefresh.Bench;

/// <summary>The program as a process of its own, on a database and with a provider that are given.</summary>
internal sealed class ServerNode : IAsyncDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "TokenRefresh.Server.dll");

    private readonly Process process;

    private ServerNode(Process process, string address) => (this.process, Http.BaseAddress) = (process, new(address));

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
    public static ServerNode Start(IReadOnlyDictionary<string, string> settings, int port)
    {
        var address = $"http://127.0.0.1:{port}";
        return new(Launch(settings, "serve", "--urls", address), address);
    }

    /// <summary>Runs a verb beside the nodes and gives what it prints.</summary>
    public static async Task<string> RunAsync(IReadOnlyDictionary<string, string> settings, params string[] args)
    {
        using var verb = Launch(settings, args);
        var text = await verb.StandardOutput.ReadToEndAsync();
        await verb.WaitForExitAsync();
        return verb.ExitCode == 0 ? text.Trim() : throw new InvalidOperationException($"{string.Join(' ', args)} ended with {verb.ExitCode}: {await verb.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Waits until the node answers that it is ready.</summary>
    public async Task BecomesReadyAsync() => await WaitFor.TrueAsync(async () => (await Http.GetAsync(new Uri("/health/ready", UriKind.Relative))).IsSuccessStatusCode, "the node is ready");

    public void SignIn(string key) => Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

    public async ValueTask DisposeAsync()
    {
        Process.Start("kill", ["-TERM", $"{process.Id}"]).WaitForExit();
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
        Http.Dispose();
    }

    private static Process Launch(IReadOnlyDictionary<string, string> settings, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = AppContext.BaseDirectory };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        if (args[0] == "serve")
        {
            // Read and dropped, or the node would wait for a full pipe.
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, line) => Console.Error.Write(line.Data is { Length: > 0 } text ? $"  {text}\n" : "");
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        return process;
    }
}
