using System.Diagnostics;
using Shouldly;

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
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    // What the shell around the tests has set must not reach the program.
    private static readonly string[] Foreign = ["ASPNETCORE_", "DOTNET_ENVIRONMENT", "ConnectionStrings_", "Providers_", "Tokens_", "TokenRefresh_", "Sandbox_", "Data_", "Encryption_", "Logging_"];

    // Each process has to be warmed, so they are few.
    private static readonly SemaphoreSlim Verbs = new(2);

    private static readonly string[] Serve = ["serve", "--urls", "http://127.0.0.1:0"];

    private readonly ProgramRun run;

    private ServerProcess(ProgramRun run) => this.run = run;

    public int Id => run.ProcessId;

    public string Out => run.Out.Text;

    public string Error => run.Error.Text;

    /// <summary>Talks to where the server said that it listens.</summary>
    public HttpClient Http { get; } = new();

    /// <summary>Starts the program in a process of its own; nothing is waited for.</summary>
    public static ServerProcess Start(IReadOnlyDictionary<string, string> settings, params string[] args) => new(OwnProcess.Start(Calling(settings, args)));

    /// <summary>Starts the server on a free port and waits until it has greeted; in a process that is kept warm, which serves other calls once it has ended.</summary>
    public static async Task<ServerProcess> ServeAsync(IReadOnlyDictionary<string, string> settings, params string[] args) =>
        await GreetedAsync(new(WarmCall.IsFor(settings) ? await WarmAsync(settings, [], [.. Serve, .. args]) : OwnProcess.Start(Calling(settings, [.. Serve, .. args]))));

    /// <summary>As <see cref="ServeAsync"/> does, in a process of its own: where its end, its handles or its memory are looked at.</summary>
    public static Task<ServerProcess> ServeAloneAsync(IReadOnlyDictionary<string, string> settings, params string[] args) => GreetedAsync(Start(settings, [.. Serve, .. args]));

    /// <summary>Runs a verb to its end.</summary>
    public static Task<Finished> RunAsync(IReadOnlyDictionary<string, string> settings, params string[] args) => RunWithInputAsync(settings, "", args);

    /// <summary>Runs a verb to its end, with something on its stdin.</summary>
    public static Task<Finished> RunWithInputAsync(IReadOnlyDictionary<string, string> settings, string input, params string[] args) =>
        RunWithInputAsync(settings, System.Text.Encoding.UTF8.GetBytes(input), args);

    /// <summary>Runs a verb to its end, with these bytes on its stdin, in a process that is kept warm where its settings can be set for a call alone.</summary>
    public static async Task<Finished> RunWithInputAsync(IReadOnlyDictionary<string, string> settings, byte[] input, params string[] args)
    {
        if (!WarmCall.IsFor(settings))
        {
            return await RunAloneAsync(settings, input, args);
        }

        await Verbs.WaitAsync();
        try
        {
            await using var verb = new ServerProcess(await WarmAsync(settings, input, args));
            return await verb.EndAsync();
        }
        finally
        {
            Verbs.Release();
        }
    }

    /// <summary>Runs a verb to its end as a person does: in a process that is started for it.</summary>
    public static Task<Finished> RunAloneAsync(IReadOnlyDictionary<string, string> settings, params string[] args) => RunAloneAsync(settings, [], args);

    private static async Task<Finished> RunAloneAsync(IReadOnlyDictionary<string, string> settings, byte[] input, string[] args)
    {
        var process = OwnProcess.Start(Calling(settings, args));
        await using var verb = new ServerProcess(process);
        await process.TypeAsync(input);
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
    public void Signal(string name) => Signal(run.ProcessId, name);

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
        await UntilAsync(() => Task.FromResult((found = run.Out.Find(words)) is not null || run.Ended.IsCompleted), $"'{words}' on stdout");
        return found ?? run.Out.Find(words) ?? throw new InvalidOperationException($"The program ended with {await run.Ended} without '{words}': {Out}{Error}");
    }

    /// <summary>Waits for the end.</summary>
    public async Task<Finished> EndAsync()
    {
        try
        {
            return new(await run.Ended.WaitAsync(Patience, TimeProvider.System), Out, Error);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"The program did not end within {Patience.TotalSeconds} s: {Out}{Error}");
        }
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
        await run.DisposeAsync();
        Http.Dispose();
    }

    /// <summary>A process of these tests does not live long enough to gain from code that is compiled a second time, for speed; half of its time would go there.</summary>
    public static void CompileOnce(ProcessStartInfo start)
    {
        start.Environment["DOTNET_TC_CallCountThreshold"] = "100000";
        start.Environment["DOTNET_TieredPGO"] = "0";

        // As for the tests themselves: memory that code is written to is not mapped anew each time, and idle threads do not look for work a little longer.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.Environment["DOTNET_ThreadPool_UnfairSemaphoreSpinLimit"] = "0";
    }

    private static async Task<ServerProcess> GreetedAsync(ServerProcess server)
    {
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

    private static Task<ProgramRun> WarmAsync(IReadOnlyDictionary<string, string> settings, byte[] input, string[] args) =>
        WarmProcess.BeginAsync(() => Calling(new Dictionary<string, string>(), []), new(args, settings, FolderOf(settings), input));

    private static ProcessStartInfo Calling(IReadOnlyDictionary<string, string> settings, string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = FolderOf(settings) };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, $"{WarmCall.Program}.dll"));
        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        foreach (var name in start.Environment.Keys.Where(name => Foreign.Any(name.StartsWith)).ToList())
        {
            start.Environment.Remove(name);
        }

        CompileOnce(start);
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private static string FolderOf(IReadOnlyDictionary<string, string> settings) => settings.GetValueOrDefault("PWD", Path.GetTempPath());

    private static string Tail(string text) => text[Math.Max(0, text.Length - 3000)..];
}
