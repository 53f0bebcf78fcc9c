using System.ComponentModel;
using Hangfire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>The twelve-hourly sweep: every token goes through the door, which logs why it was skipped where nothing is due.</summary>
public sealed class AutomaticRefreshJob(ConfiguredTokens configured, RefreshQueue queue)
{
    /// <summary>Enqueues every configured token.</summary>
    [DisplayName("Sweep: look at every token")]
    public void Run() => queue.Enqueue([.. configured.All.Select(token => token.Name)], RefreshTrigger.Automatic, RecurringJobs.Scheduler);
}

/// <summary>The heartbeat: asks which tokens are due, and enqueues them.</summary>
public sealed class DueRefreshJob(DueTokens due, RefreshQueue queue, Heartbeats heartbeats)
{
    /// <summary>Enqueues what is due. Not retried: the next tick asks the same question.</summary>
    [DisplayName("Due check")]
    [AutomaticRetry(Attempts = 0, OnAttemptsExceeded = AttemptsExceededAction.Delete)]
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await heartbeats.BeatAsync(Heartbeat.Scheduler, cancellationToken);
        queue.Enqueue([.. await due.ClaimAsync(cancellationToken)], RefreshTrigger.Due, RecurringJobs.Scheduler);
    }
}

/// <summary>Twice a day: acquires anew what failed, or what nothing has looked at.</summary>
public sealed class BackupRefreshJob(DueTokens due, RefreshQueue queue)
{
    /// <summary>Enqueues those tokens.</summary>
    [DisplayName("Backup")]
    public async Task RunAsync(CancellationToken cancellationToken) =>
        queue.Enqueue([.. await due.ForBackupAsync(cancellationToken)], RefreshTrigger.Backup, RecurringJobs.Scheduler);
}

/// <summary>Deletes old rows of the log.</summary>
public sealed class LogCleanupJob(IDbContextFactory<TokenRefreshDbContext> contexts, IOptions<LogOptions> options, TimeProvider clock)
{
    /// <summary>Rows in one statement, so that no long lock is held.</summary>
    private const int Chunk = 10_000;

    /// <summary>Deletes ended attempts, deliveries and incidents that are older than the retention; what runs, waits or lasts stays whatever its age.</summary>
    [DisplayName("Log clean-up")]
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var before = clock.GetUtcNow() - TimeSpan.FromDays(options.Value.CleanupAfterDays);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        while (await db.Attempts
            .Where(old => db.Attempts.Where(row => row.StartedAt < before && row.Status != AttemptStatus.Running).OrderBy(row => row.Id).Take(Chunk).Select(row => row.Id).Contains(old.Id))
            .ExecuteDeleteAsync(cancellationToken) == Chunk)
        {
        }

        await db.Notifications.Where(row => row.CreatedAt < before && row.Status != NotificationStatus.Pending).ExecuteDeleteAsync(cancellationToken);
        await db.Incidents.Where(incident => incident.ResolvedAt < before).ExecuteDeleteAsync(cancellationToken);
    }
}
