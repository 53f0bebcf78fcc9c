using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Health;

/// <summary>A person keeps a recurring job from running by itself. A pause always has an end, because tokens expire during a forgotten one.</summary>
public sealed class RecurringJobPause
{
    /// <summary>The most characters of a reason.</summary>
    public const int LongestReason = 200;

    /// <summary>The recurring job's id.</summary>
    public string Job { get; init; } = "";

    /// <summary>Who paused it.</summary>
    public string PausedBy { get; init; } = "";

    /// <summary>Why.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Since when.</summary>
    public DateTimeOffset PausedAt { get; init; }

    /// <summary>When it ends by itself.</summary>
    public DateTimeOffset Until { get; init; }

    /// <summary>
    /// The longest that a job may be paused: half a day for the due check, without which tokens are refreshed only by the sweep, the backup and
    /// their readers, and for the health check, which makes alerts prompt; a month for any other.
    /// </summary>
    public static TimeSpan Longest(string job) => job is RecurringJobIds.DueTokenRefresh or RecurringJobIds.TokenHealthCheck ? TimeSpan.FromHours(12) : TimeSpan.FromDays(31);
}

/// <summary>Remembers which recurring jobs are paused.</summary>
public sealed class RecurringJobPauses(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>The pauses that have not ended, by job.</summary>
    public async Task<IReadOnlyDictionary<string, RecurringJobPause>> ListAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.RecurringJobPauses.AsNoTracking().Where(pause => pause.Until > now).ToDictionaryAsync(pause => pause.Job, cancellationToken);
    }

    internal async Task AddAsync(RecurringJobPause pause, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO timetable_pauses (job, paused_by, reason, paused_at, until) VALUES ({pause.Job}, {pause.PausedBy}, {pause.Reason}, {pause.PausedAt}, {pause.Until})
             ON CONFLICT (job) DO UPDATE SET paused_by = excluded.paused_by, reason = excluded.reason, paused_at = excluded.paused_at, until = excluded.until
             """, cancellationToken);
    }

    internal async Task RemoveAsync(string job, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RecurringJobPauses.Where(pause => pause.Job == job).ExecuteDeleteAsync(cancellationToken);
    }
}
