using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>Which rows of the log are asked for; what is null is not asked.</summary>
public sealed record AttemptFilter
{
    /// <summary>Rows that began at or after this.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only this provider's.</summary>
    public string? Provider { get; init; }

    /// <summary>Only this token's.</summary>
    public string? Token { get; init; }

    /// <summary>Only these tokens' rows.</summary>
    public IReadOnlyCollection<string>? Tokens { get; init; }

    /// <summary>Only in this state.</summary>
    public AttemptStatus? Status { get; init; }

    /// <summary>Only by this trigger.</summary>
    public RefreshTrigger? Trigger { get; init; }

    /// <summary>Only with this error code.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>Only where the message or whoever set it off holds this, in any case.</summary>
    public string? Text { get; init; }
}

/// <summary>The figures of a stretch of the log. Skips are not failures, and no attempts mean no rate.</summary>
/// <param name="SuccessRate">Successes over successes and failures, in percent with one decimal; null when there were none.</param>
/// <param name="AvgDurationMs">Mean duration of successes and failures in milliseconds; null when there were none.</param>
/// <param name="P95DurationMs">The duration that 95 of 100 successes and failures stayed within; null when there were none.</param>
public sealed record AttemptStatistics(
    long TotalAttempts,
    long SuccessfulAttempts,
    long FailedAttempts,
    long SkippedAttempts,
    long AutomaticAttempts,
    long ManualAttempts,
    long ForcedAttempts,
    double? SuccessRate,
    double? AvgDurationMs,
    double? P95DurationMs);

/// <summary>Reads the log.</summary>
public sealed class AttemptLog(IDbContextFactory<TokenRefreshDbContext> contexts)
{
    /// <summary>Matching rows, newest first.</summary>
    /// <param name="limit">The most rows.</param>
    /// <param name="before">Only rows older than the one with this id: the key of the next page.</param>
    public async Task<IReadOnlyList<RefreshAttempt>> RecentAsync(AttemptFilter filter, int limit, long? before, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = Matching(db, filter);
        return await (before is null ? rows : rows.Where(row => row.Id < before))
            .OrderByDescending(row => row.Id).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The row of that id, or null.</summary>
    public async Task<RefreshAttempt?> FindAsync(long id, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Attempts.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
    }

    /// <summary>Every matching row, newest first, without holding them all.</summary>
    public async IAsyncEnumerable<RefreshAttempt> StreamAsync(AttemptFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await foreach (var row in Matching(db, filter).OrderByDescending(row => row.Id).AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            yield return row;
        }
    }

    /// <summary>A provider's newest row, or null.</summary>
    public async Task<RefreshAttempt?> LatestAsync(string provider, CancellationToken cancellationToken) =>
        (await RecentAsync(new() { Provider = provider }, 1, null, cancellationToken)).SingleOrDefault();

    /// <summary>The success rate of all or of one provider since an instant, in percent; null when nothing succeeded or failed.</summary>
    public async Task<double?> SuccessRateAsync(string? provider, DateTimeOffset since, CancellationToken cancellationToken) =>
        (await StatisticsAsync(provider, since, cancellationToken)).SuccessRate;

    /// <summary>The figures of all or of one provider since an instant, in one query.</summary>
    /// <param name="tokens">Only these tokens'; null for all.</param>
    public async Task<AttemptStatistics> StatisticsAsync(string? provider, DateTimeOffset since, CancellationToken cancellationToken, IReadOnlyCollection<string>? tokens = null)
    {
        string[]? names = tokens is null ? null : [.. tokens];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<AttemptStatistics>(
            $"""
             SELECT count(*) AS total_attempts,
                    count(*) FILTER (WHERE status = 'success') AS successful_attempts,
                    count(*) FILTER (WHERE status = 'failed') AS failed_attempts,
                    count(*) FILTER (WHERE status = 'skipped') AS skipped_attempts,
                    count(*) FILTER (WHERE trigger_type NOT IN ('manual', 'forced')) AS automatic_attempts,
                    count(*) FILTER (WHERE trigger_type = 'manual') AS manual_attempts,
                    count(*) FILTER (WHERE trigger_type = 'forced') AS forced_attempts,
                    round(100.0 * count(*) FILTER (WHERE status = 'success')
                          / nullif(count(*) FILTER (WHERE status IN ('success', 'failed')), 0), 1)::float8 AS success_rate,
                    round(avg(duration_ms) FILTER (WHERE status IN ('success', 'failed')), 1)::float8 AS avg_duration_ms,
                    percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status IN ('success', 'failed'))::float8 AS p95duration_ms
             FROM token_refresh_logs
             WHERE started_at >= {since} AND ({provider}::text IS NULL OR provider = {provider})
               AND ({names}::text[] IS NULL OR token_name = ANY({names}))
             """).SingleAsync(cancellationToken);
    }

    private static IQueryable<RefreshAttempt> Matching(TokenRefreshDbContext db, AttemptFilter filter)
    {
        var rows = db.Attempts.AsNoTracking();
        rows = filter.Since is { } since ? rows.Where(row => row.StartedAt >= since) : rows;
        rows = filter.Provider is { } provider ? rows.Where(row => row.Provider == provider) : rows;
        rows = filter.Token is { } token ? rows.Where(row => row.TokenName == token) : rows;
        rows = filter.Tokens is { } tokens ? rows.Where(row => tokens.Contains(row.TokenName)) : rows;
        rows = filter.Status is { } status ? rows.Where(row => row.Status == status) : rows;
        rows = filter.Trigger is { } trigger ? rows.Where(row => row.TriggerType == trigger) : rows;
        rows = filter.ErrorCode is { } code ? rows.Where(row => row.ErrorCode == code) : rows;
        if (filter.Text is not { } text)
        {
            return rows;
        }

        var like = $"%{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
        return rows.Where(row => EF.Functions.ILike(row.Message, like, "\\") || EF.Functions.ILike(row.TriggeredBy, like, "\\"));
    }
}
