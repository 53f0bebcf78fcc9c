using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// What makes people hear of trouble within a minute: on every node, whatever the timetable says and Hangfire does, it looks for incidents
/// every 30 seconds, delivers what no worker delivers, reports a database that is unreachable, and sends the heartbeat.
/// </summary>
internal sealed partial class AlertWatch(
    DatabaseProbe probe, SystemStatusReader pulse, DiagnosisReader diagnosis, AlertEvaluation round, Outbox outbox, DeliveryQueue deliveries, DatabaseOutage outage, HeartbeatPinger watcher,
    TimeProvider clock, ILogger<AlertWatch> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    /// <summary>The outside watcher hears of every second look.</summary>
    private const int LooksPerPing = 2;

    /// <summary>What waits longer is delivered by no worker.</summary>
    private static readonly TimeSpan LeftAlone = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        for (var look = 1L; await timer.WaitForNextTickAsync(stoppingToken); look++)
        {
            try
            {
                var problem = await LookAsync(stoppingToken);
                if (look % LooksPerPing == 0)
                {
                    await watcher.PingAsync(problem, stoppingToken);
                }
            }
            catch (Exception error) when (error is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                // Whatever is wrong with this look, the next one comes.
                LogFailed(error.GetBaseException().GetType().Name);
            }
        }
    }

    /// <summary>Looks once. A phrase where something is wrong, without names.</summary>
    internal async Task<string?> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Before all else: a database that answers and takes no writes is no help to anybody.
            await probe.WriteAsync(cancellationToken);
            var now = await pulse.ReadAsync(cancellationToken);
            await outage.NoteBackAsync(cancellationToken);
            await round.RunAsync(now, cancellationToken);
            if (await outbox.IsLateAsync(LeftAlone, cancellationToken))
            {
                await outbox.DeliverAsync(cancellationToken);
            }
            else
            {
                await deliveries.EnqueueIfDueAsync(cancellationToken);
            }

            return await diagnosis.ReadAsync(now, cancellationToken) is { IsFresh: false } seen ? $"{seen.Overall.Code()}: {seen.WrongWithoutNames}" : null;
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            var why = DatabaseFaults.IsReadOnly(error) ? "the database is read-only" : "the database is unreachable";
            await outage.NoteAwayAsync(why, cancellationToken);
            return $"{OverallStatus.Outage.Code()}: {why}";
        }
    }

    [LoggerMessage(5021, LogLevel.Error, "The alert evaluation failed ({Error}); retrying in 30 s")]
    private partial void LogFailed(string error);
}
