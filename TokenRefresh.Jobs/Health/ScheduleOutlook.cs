using Cronos;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>The next attempt that will come by itself.</summary>
/// <param name="IsBackup">True where only the backup job makes it.</param>
public sealed record NextAttempt(DateTimeOffset At, bool IsBackup);

/// <summary>What will be tried by itself: the jobs as they are scheduled, less those that a person has paused.</summary>
/// <param name="Now">The instant that it describes.</param>
/// <param name="IsRunning">False where no worker or no due check is alive.</param>
/// <param name="DueCheckPausedUntil">Null while the due check is not paused.</param>
/// <param name="NextSweepAt">When the sweep runs next.</param>
/// <param name="NextBackupAt">When the backup job runs next; null where it is switched off.</param>
/// <param name="BackupTakesAll">True if the backup job acquires every token, failing or not.</param>
public sealed record ScheduleOutlook(
    DateTimeOffset Now, bool IsRunning, DateTimeOffset? DueCheckPausedUntil, DateTimeOffset? NextSweepAt, DateTimeOffset? NextBackupAt, bool BackupTakesAll = false)
{
    /// <summary>Nothing but the due check, which runs.</summary>
    public static readonly ScheduleOutlook DueCheckAlone = new(DateTimeOffset.MinValue, true, null, null, null);

    /// <summary>When a token is tried next; null where nothing will try it before a person acts.</summary>
    public NextAttempt? Of(TokenView token)
    {
        if (!IsRunning)
        {
            return null;
        }

        if (token.Eligibility.Code == RefreshEligibility.Refused)
        {
            return token.Ask(RefreshTrigger.Backup).IsDue && NextBackupAt is { } backup ? new(backup, true) : null;
        }

        if (token.PlannedAt is not { } planned)
        {
            return null;
        }

        // A job's own retry asks no due check.
        var at = planned > Now ? planned : Now;
        var byBackup = BackupTakesAll || token.Stored?.LastFailure is not null ? Other(NextBackupAt, true) : null;
        var next = token.Stored?.RetryJobId is not null || !(DueCheckPausedUntil > at) ? new(at, false)
            : new[] { new NextAttempt(DueCheckPausedUntil.Value, false), Other(NextSweepAt, false), byBackup }.OfType<NextAttempt>().MinBy(attempt => attempt.At)!;
        return BackupTakesAll && NextBackupAt < next.At ? new(NextBackupAt.Value, true) : next;

        NextAttempt? Other(DateTimeOffset? run, bool isBackup) => run >= at ? new(run.Value, isBackup) : null;
    }
}

/// <summary>Reads what will be tried by itself.</summary>
public sealed class ScheduleOutlookReader(RecurringJobPauses pauses, IOptions<ScheduleOptions> schedule, IOptions<BackupOptions> backup, TimeProvider clock)
{
    /// <summary>The outlook now.</summary>
    /// <param name="isRunning">Whether workers and due check are alive.</param>
    public async Task<ScheduleOutlook> ReadAsync(bool isRunning, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var paused = await pauses.ListAsync(cancellationToken);
        return new(
            now, isRunning, paused.GetValueOrDefault(RecurringJobIds.DueTokenRefresh)?.Until, Next(schedule.Value.Cron, RecurringJobIds.AutomaticTokenRefresh),
            backup.Value.Enabled ? Next(backup.Value.Cron, RecurringJobIds.BackupTokenRefresh) : null, !backup.Value.OnlyOnFailure);

        DateTimeOffset? Next(string cron, string job) =>
            CronExpression.Parse(cron, CronAttribute.Format(cron)).GetNextOccurrence(paused.GetValueOrDefault(job)?.Until ?? now, schedule.Value.Zone);
    }
}
