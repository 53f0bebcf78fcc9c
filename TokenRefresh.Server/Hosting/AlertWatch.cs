using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// The net beneath the timetable's health check: on every node, whatever Hangfire does, it looks for incidents each minute, delivers what
/// nobody delivers, tells of a database that is away, and gives the outside watcher its sign of life.
/// </summary>
internal sealed partial class AlertWatch(
    PulseReader pulse, AlertRound round, Outbox outbox, DatabaseOutage outage, OutsideWatcher watcher, TimeProvider clock, ILogger<AlertWatch> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    /// <summary>What waits longer is delivered by no worker.</summary>
    private static readonly TimeSpan LeftAlone = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await WatchAsync(stoppingToken);
            }
            catch (Exception error) when (error is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                // Whatever is wrong with this look, the next one comes.
                LogFailed(error.GetBaseException().GetType().Name);
            }
        }
    }

    /// <summary>Looks once, and tells the outside watcher.</summary>
    internal async Task WatchAsync(CancellationToken cancellationToken) => await watcher.PingAsync(await LookAsync(cancellationToken), cancellationToken);

    /// <summary>A phrase where something is wrong, without names.</summary>
    private async Task<string?> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            var now = await pulse.ReadAsync(cancellationToken);
            await outage.NoteBackAsync(cancellationToken);
            await round.RunAsync(now, cancellationToken);
            if (await outbox.IsLateAsync(LeftAlone, cancellationToken))
            {
                await outbox.DeliverAsync(cancellationToken);
            }

            return await round.JudgeAsync(now, cancellationToken) is { Count: > 0 } wrong
                ? string.Join(", ", wrong.GroupBy(complaint => complaint.Kind).Select(kind => $"{kind.Count()} {kind.Key.Code()}"))
                : null;
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            await outage.NoteAwayAsync(cancellationToken);
            return "the database is away";
        }
    }

    [LoggerMessage(5021, LogLevel.Error, "The watch over incidents failed ({Error}); it looks again in a minute")]
    private partial void LogFailed(string error);
}
