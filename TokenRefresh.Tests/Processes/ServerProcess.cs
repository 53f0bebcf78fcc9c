using System.Diagnostics;
using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Processes;

/// <summary>What a call of the program came to.</summary>
internal sealed record Finished(int ExitCode, string Out, string Error)
{
    /// <summary>The lines of stderr that say something.</summary>
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>The built program as a child process: what it prints, signals to it, and its end.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    // What the shell around the tests has set must not reach the program.
    private static readonly string[] Foreign = ["ASPNETCORE_", "DOTNET_ENVIRONMENT", "ConnectionStrings_", "Providers_", "Tokens_", "TokenRefresh_", "Sandbox_", "Data_", "Encryption_", "Logging_"];

    private readonly Process process;
    private readonly List<string> output = [];
    private readonly List<string> errors = [];
    private readonly Task reading;

    private ServerProcess(Process process)
    {
        this.process = process;
        reading = Task.WhenAll(ReadAsync(process.StandardOutput, output), ReadAsync(process.StandardError, errors));
    }

    public int Id => process.Id;

    public string Out => Text(output);

    public string Error => Text(errors);

    /// <summary>Talks to where the server said that it listens.</summary>
    public HttpClient Http { get; } = new();

    /// <summary>Starts the program; nothing is waited for.</summary>
    public static ServerProcess Start(IReadOnlyDictionary<string, string> settings, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = settings.GetValueOrDefault("PWD", Path.GetTempPath()) };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, $"{typeof(ServerHost).Assembly.GetName().Name}.dll"));
        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        foreach (var name in start.Environment.Keys.Where(name => Foreign.Any(name.StartsWith)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return new(Process.Start(start)!);
    }

    /// <summary>Starts the server on a free port and waits until it has greeted.</summary>
    public static async Task<ServerProcess> ServeAsync(IReadOnlyDictionary<string, string> settings, params string[] args)
    {
        var server = Start(settings, ["serve", "--urls", "http://127.0.0.1:0", .. args]);
        try
        {
            var line = await server.LineAsync("  address ");
            server.Http.BaseAddress = new(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a verb to its end.</summary>
    public static Task<Finished> RunAsync(IReadOnlyDictionary<string, string> settings, params string[] args) => RunWithInputAsync(settings, "", args);

    /// <summary>Runs a verb to its end, with something on its stdin.</summary>
    public static Task<Finished> RunWithInputAsync(IReadOnlyDictionary<string, string> settings, string input, params string[] args) =>
        RunWithInputAsync(settings, System.Text.Encoding.UTF8.GetBytes(input), args);

    /// <summary>Runs a verb to its end, with these bytes on its stdin.</summary>
    public static async Task<Finished> RunWithInputAsync(IReadOnlyDictionary<string, string> settings, byte[] input, params string[] args)
    {
        await using var verb = Start(settings, args);
        try
        {
            await verb.process.StandardInput.BaseStream.WriteAsync(input);
            verb.process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }

        return await verb.EndAsync();
    }

    /// <summary>Runs a verb that must do what it was asked, and returns its stdout.</summary>
    public static async Task<string> DoneAsync(IReadOnlyDictionary<string, string> settings, string call)
    {
        var end = await RunAsync(settings, call.Split(' '));
        end.ExitCode.ShouldBe(0, $"{call}: {end.Error}{end.Out}");
        return end.Out;
    }

    /// <summary>Sends a signal, such as <c>INT</c>, <c>KILL</c>, <c>STOP</c> or <c>CONT</c>.</summary>
    public void Signal(string name) => Signal(process.Id, name);

    /// <summary>Sends a signal to a process.</summary>
    public static void Signal(int processId, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{processId}"]);
        kill.WaitForExit();
    }

    /// <summary>The first line of stdout that holds the words.</summary>
    public async Task<string> LineAsync(string words)
    {
        string? found = null;
        await UntilAsync(() => Task.FromResult((found = Find(words)) is not null || process.HasExited), $"'{words}' on stdout");
        if (found is null)
        {
            await reading;
            found = Find(words);
        }

        return found ?? throw new InvalidOperationException($"The program ended with {process.ExitCode} without '{words}': {Out}{Error}");
    }

    /// <summary>Waits for the end.</summary>
    public async Task<Finished> EndAsync()
    {
        using var deadline = new CancellationTokenSource(Patience, TimeProvider.System);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            await reading.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The program did not end within {Patience.TotalSeconds} s: {Out}{Error}");
        }

        return new(process.ExitCode, Out, Error);
    }

    /// <summary>Asks a server to stop, as Ctrl-C does, and waits for its end.</summary>
    public Task<Finished> StopAsync()
    {
        Signal("INT");
        return EndAsync();
    }

    /// <summary>Looks until it holds; what another process does can only be waited for.</summary>
    public async Task UntilAsync(Func<Task<bool>> holds, string what, TimeSpan? limit = null)
    {
        for (var since = TimeProvider.System.GetTimestamp(); !await holds();)
        {
            if (TimeProvider.System.GetElapsedTime(since) > (limit ?? Patience))
            {
                throw new TimeoutException($"Not within {limit ?? Patience}: {what}. The program said last: {Tail(Out)}{Tail(Error)}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
        Http.Dispose();
    }

    private string? Find(string words)
    {
        lock (output)
        {
            return output.Find(line => line.Contains(words, StringComparison.Ordinal));
        }
    }

    private static async Task ReadAsync(StreamReader reader, List<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (lines)
            {
                lines.Add(line);
            }
        }
    }

    private static string Tail(string text) => text[Math.Max(0, text.Length - 3000)..];

    private static string Text(List<string> lines)
    {
        lock (lines)
        {
            return string.Join('\n', lines);
        }
    }
}
