using Hangfire;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Hosting;

/// <summary>Keeps the timetable installed, and asks what is due as soon as the server has started.</summary>
internal sealed partial class RecurringJobInstaller(
    RecurringJobs timetable, RecurringJobPauses pauses, IRecurringJobManager manager, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<RecurringJobInstaller> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await StartedAsync(stoppingToken);
        var isFirst = true;
        var isTold = false;
        for (var wait = Period; ; await Task.Delay(wait, clock, stoppingToken))
        {
            wait = Pause;
            try
            {
                await timetable.InstallAsync(stoppingToken);
                if (isFirst)
                {
                    // What fell due while no server ran is not left to the next tick, unless a person wants the tick to rest.
                    if (!(await pauses.ListAsync(stoppingToken)).ContainsKey(RecurringJobIds.DueTokenRefresh))
                    {
                        manager.Trigger(RecurringJobIds.DueTokenRefresh);
                    }

                    isFirst = false;
                }

                (wait, isTold) = (Period, false);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // A stale lock or a database that is away: the next round installs what this one could not. Said once.
                if (!isTold)
                {
                    isTold = true;
                    LogNotInstalled(DatabaseFaults.InWords(error));
                }
            }
        }
    }

    private async Task StartedAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource();
        await using var onStarted = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    [LoggerMessage(5011, LogLevel.Warning, "The recurring jobs could not be installed ({Error}); retrying in seconds")]
    private partial void LogNotInstalled(string error);
}
