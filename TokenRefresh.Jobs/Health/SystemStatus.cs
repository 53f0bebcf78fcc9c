using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Health;

/// <summary>A part of this program that shows no activity, and since when, in a phrase.</summary>
public sealed record StalledComponent(string Part, string Words);

/// <summary>When each part of this program was last active. The one place that knows when a part is stalled.</summary>
/// <param name="SchedulerTick">When the due check last ran; null for never.</param>
/// <param name="TickPeriod">How often it should, at least; null while a person has paused it.</param>
/// <param name="Workers">Workers of live servers.</param>
/// <param name="OldestUnsent">Since when the oldest notification waits that should have been sent by now; null when none does.</param>
public sealed record SystemStatus(DateTimeOffset? SchedulerTick, TimeSpan? TickPeriod, int Workers, DateTimeOffset? OldestUnsent)
{
    /// <summary>The part without whose ticks nothing becomes due.</summary>
    public const string Scheduler = "scheduler";

    /// <summary>The part that is not reported by mail when it is stalled: a mail about mail arrives when it is over.</summary>
    public const string Outbox = "outbox";

    /// <summary>What waits longer is stuck.</summary>
    private static readonly TimeSpan LongestUnsent = TimeSpan.FromMinutes(10);

    /// <summary>What is stalled.</summary>
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
    Heartbeats heartbeats, LiveServers servers, RecurringJobPauses pauses, IEnumerable<IDiagnosisSource> sources, IOptions<ScheduleOptions> schedule, TimeProvider clock)
{
    /// <summary>The status now.</summary>
    public async Task<SystemStatus> ReadAsync(CancellationToken cancellationToken)
    {
        DateTimeOffset? oldestUnsent = null;
        foreach (var source in sources)
        {
            oldestUnsent = await source.OldestUnsentAsync(cancellationToken) is { } since && !(oldestUnsent < since) ? since : oldestUnsent;
        }

        return new(
            await heartbeats.LastAsync(Heartbeat.Scheduler, cancellationToken),
            (await pauses.ListAsync(cancellationToken)).ContainsKey(RecurringJobIds.DueTokenRefresh) ? null : schedule.Value.DueCheckPeriod(clock.GetUtcNow()),
            (await servers.ListAsync(cancellationToken)).Sum(server => server.Workers),
            oldestUnsent);
    }
}
