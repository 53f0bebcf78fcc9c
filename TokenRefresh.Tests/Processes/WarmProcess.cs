using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace TokenRefresh.Tests.Processes;

/// <summary>
/// A process of the program that serves one call after another: each is the program's own <c>Main</c> with its arguments, environment, folder and stdin, and
/// differs from a call in a process of its own in that the code is compiled already. It ends with the tests, whose end closes its stdin.
/// </summary>
internal sealed class WarmProcess
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly ConcurrentBag<WarmProcess> Idle = [];

    private readonly Process process;
    private readonly Task reading;
    private volatile Run? current;

    private WarmProcess(Process process)
    {
        this.process = process;
        reading = Task.WhenAll(ReadAsync(process.StandardOutput, run => run.Out, run => run.OutEnded), ReadAsync(process.StandardError, run => run.Error, run => run.ErrorEnded));
    }

    /// <summary>Begins a call in a process that has none; there is always one more.</summary>
    /// <param name="start">How a new process is started.</param>
    public static async Task<ProgramRun> BeginAsync(Func<ProcessStartInfo> start, WarmCall call)
    {
        WarmProcess? warm;
        do
        {
            warm = Idle.TryTake(out var idle) ? idle : new(Process.Start(WithHook(start()))!);
        }
        while (warm.process.HasExited);

        var run = new Run(warm);
        warm.current = run;
        await warm.process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(call));
        await warm.process.StandardInput.FlushAsync();
        return run;
    }

    private static ProcessStartInfo WithHook(ProcessStartInfo start)
    {
        start.Environment[WarmCall.HookVariable] = typeof(StartupHook).Assembly.Location;
        return start;
    }

    private async Task ReadAsync(StreamReader reader, Func<Run, Lines> lines, Func<Run, TaskCompletionSource<int>> ended)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            // Between two calls nothing is printed.
            var run = current!;
            if (line.StartsWith(WarmCall.End, StringComparison.Ordinal))
            {
                // The line before the end is the rest of a line that was not ended, or empty.
                lines(run).DropEmptyEnd();
                ended(run).SetResult(int.Parse(line.AsSpan(WarmCall.End.Length), CultureInfo.InvariantCulture));
            }
            else
            {
                lines(run).Add(line);
            }
        }
    }

    private sealed class Run : ProgramRun
    {
        private readonly WarmProcess warm;

        public Run(WarmProcess warm)
        {
            this.warm = warm;
            Ended = EndAsync();
        }

        public TaskCompletionSource<int> OutEnded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<int> ErrorEnded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override int ProcessId => warm.process.Id;

        public override Task<int> Ended { get; }

        public override async ValueTask DisposeAsync()
        {
            if (Ended.IsCompleted)
            {
                return;
            }

            try
            {
                // A server; it ends as a service does that is stopped, and its process serves the next call.
                ServerProcess.Signal(ProcessId, "TERM");
                await Ended.WaitAsync(Patience, TimeProvider.System);
            }
            catch (TimeoutException)
            {
                warm.process.Kill();
                await Ended;
            }
        }

        private async Task<int> EndAsync()
        {
            var ended = Task.WhenAll(OutEnded.Task, ErrorEnded.Task);
            if (await Task.WhenAny(ended, warm.reading) == ended || ended.IsCompleted)
            {
                var code = (await ended)[0];
                Idle.Add(warm);
                return code;
            }

            await warm.process.WaitForExitAsync();
            return warm.process.ExitCode;
        }
    }
}
