using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>A part of this program that gives no sign of life, and since when, in a phrase.</summary>
public sealed record StalledComponent(string Part, string Words);

/// <summary>The last signals of this program's components. The only place that defines when a component is stalled.</summary>
/// <param name="SchedulerTick">When the due check last ran; null for never.</param>
/// <param name="TickPeriod">How often it should, at least; null while a person has paused it.</param>
/// <param name="Workers">Workers of live servers.</param>
/// <param name="OldestUnsent">Since when the oldest notification waits that should have been sent by now; null when none does.</param>
public sealed record SystemStatus(DateTimeOffset? SchedulerTick, TimeSpan? TickPeriod, int Workers, DateTimeOffset? OldestUnsent)
{
    /// <summary>The part without whose ticks nothing falls due.</summary>
    public const string Scheduler = "scheduler";

    /// <summary>The component whose stall is not reported by mail: a mail about undelivered mail would arrive after it is resolved.</summary>
    public const string Outbox = "outbox";

    /// <summary>What waits longer is stuck.</summary>
    private static readonly TimeSpan LongestUnsent = TimeSpan.FromMinutes(10);

    /// <summary>What is silent.</summary>
    public IEnumerable<StalledComponent> StalledComponents(DateTimeOffset now)
    {
        if (TickPeriod is { } period && (SchedulerTick is not { } tick || now - tick > 2 * period))
        {
            yield return new(Scheduler, SchedulerTick is null ? "the due check has never run" : $"the last due check was {DurationFormat.InWords(now - SchedulerTick.Value)} ago");
        }

        if (Workers == 0)
        {
            yield return new("workers", "no worker is alive, so nothing is refreshed");
        }

        if (now - OldestUnsent > LongestUnsent)
        {
            yield return new(Outbox, $"a notification has been waiting for {DurationFormat.InWords(now - OldestUnsent!.Value)}");
        }
    }
}

/// <summary>Reads the system status.</summary>
public sealed class SystemStatusReader(
    Heartbeats heartbeats, QueueView queue, RecurringJobPauses pauses, IDbContextFactory<TokenRefreshDbContext> contexts, IOptions<ScheduleOptions> schedule, TokenMetrics metrics, TimeProvider clock)
{
    /// <summary>How things stand now.</summary>
    public async Task<SystemStatus> ReadAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var oldestUnsent = await db.Notifications.Where(row => row.Status == NotificationStatus.Pending).MinAsync(row => (DateTimeOffset?)row.CreatedAt, cancellationToken);
        metrics.Unsent(oldestUnsent);
        return new(
            await heartbeats.LastAsync(Heartbeat.Scheduler, cancellationToken),
            (await pauses.ListAsync(cancellationToken)).ContainsKey(RecurringJobs.DueTokenRefresh) ? null : schedule.Value.DueCheckPeriod(clock.GetUtcNow()),
            (await queue.LiveServersAsync(cancellationToken)).Sum(server => server.Workers),
            oldestUnsent);
    }
}
