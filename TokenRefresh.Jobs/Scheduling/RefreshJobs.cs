using System.ComponentModel;
using Hangfire;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>The twelve-hourly sweep: every token is checked, and the reason for each skip is logged.</summary>
public sealed class AutomaticRefreshJob(TokenFinder tokens, RefreshQueue queue)
{
    /// <summary>Enqueues every token. The name is stored in Hangfire, so it stays.</summary>
    [DisplayName("Sweep: check every token")]
    public async Task Run()
    {
        await foreach (var names in tokens.AllAsync(new(), CancellationToken.None))
        {
            queue.Enqueue(names, RefreshTrigger.Automatic, RecurringJobs.Scheduler);
        }
    }
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
        IReadOnlyList<string> claimed;
        do
        {
            claimed = await due.ClaimAsync(cancellationToken);
            queue.Enqueue(claimed, RefreshTrigger.Due, RecurringJobs.Scheduler);
        }
        while (claimed.Count == DueTokens.MostClaimed);
    }
}

/// <summary>Twice a day: acquires the tokens that failed, or that were not checked.</summary>
public sealed class BackupRefreshJob(DueTokens due, RefreshQueue queue)
{
    /// <summary>Enqueues those tokens.</summary>
    [DisplayName("Backup")]
    public async Task RunAsync(CancellationToken cancellationToken) =>
        queue.Enqueue([.. await due.ForBackupAsync(cancellationToken)], RefreshTrigger.Backup, RecurringJobs.Scheduler);
}

/// <summary>Deletes what is too old to be of use.</summary>
public sealed class LogCleanupJob(LogCleanup cleanup, QueueView queue, TimeProvider clock)
{
    /// <summary>Hangfire keeps failed jobs forever; an expired token leaves one every few minutes.</summary>
    private static readonly TimeSpan FailedJobsKeptFor = TimeSpan.FromDays(7);

    /// <summary>Deletes old rows of the log, and jobs that failed long ago.</summary>
    [DisplayName("Log clean-up")]
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await cleanup.RunAsync(cancellationToken);
        queue.DeleteFailed(clock.GetUtcNow() - FailedJobsKeptFor);
    }
}
