using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// The one service that evaluates alerts: on every node, each 30 seconds and whenever the recurring job of the health check wakes it, it looks
/// for incidents, delivers what no one delivers, reports a database that is unreachable, and sends the heartbeat.
/// </summary>
internal sealed partial class AlertWatch(
    DatabaseProbe probe, SystemStatusReader status, DiagnosisBuilder diagnosis, AlertEvaluation evaluation, AlertSignal signal, Outbox outbox, DeliveryQueue deliveries, DatabaseOutage outage,
    HeartbeatPinger heartbeat, TimeProvider clock, ILogger<AlertWatch> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    /// <summary>The heartbeat goes out with every second look that nothing but time caused.</summary>
    private static readonly TimeSpan BetweenPings = 1.5 * Period;

    /// <summary>What waits longer is delivered by no worker.</summary>
    private static readonly TimeSpan LeftAlone = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = clock.CreateTimer(_ => signal.Wake(), null, Period, Period);
        for (var pingedAt = clock.GetTimestamp(); await signal.WaitAsync(stoppingToken);)
        {
            try
            {
                var problem = await LookAsync(stoppingToken);
                if (clock.GetElapsedTime(pingedAt) > BetweenPings)
                {
                    pingedAt = clock.GetTimestamp();
                    await heartbeat.PingAsync(problem, stoppingToken);
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
            var now = await status.ReadAsync(cancellationToken);
            await outage.NoteBackAsync(cancellationToken);
            var seen = (await evaluation.RunAsync(now, cancellationToken))?.Seen ?? await diagnosis.BuildAsync(now, cancellationToken);
            if (await outbox.IsLateAsync(LeftAlone, cancellationToken))
            {
                await outbox.DeliverAsync(cancellationToken);
            }
            else
            {
                await deliveries.EnqueueIfDueAsync(cancellationToken);
            }

            return seen.IsFresh ? null : $"{seen.Overall.Code()}: {seen.WrongWithoutNames}";
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            var why = DatabaseFaults.IsReadOnly(error) ? "the database is read-only" : "the database is unreachable";
            await outage.NoteAwayAsync(why, cancellationToken);
            return $"{diagnosis.WithoutDatabase().Overall.Code()}: {why}";
        }
    }

    [LoggerMessage(5021, LogLevel.Error, "The alert evaluation failed ({Error}); retrying in 30 s")]
    private partial void LogFailed(string error);
}
