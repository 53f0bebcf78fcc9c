using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>Whose attempts are counted; what is null is not asked.</summary>
/// <param name="Provider">Only this provider's.</param>
/// <param name="Tokens">Only these tokens'.</param>
public sealed record AttemptScope(string? Provider = null, IReadOnlyCollection<string>? Tokens = null);

/// <summary>The attempts of one hour, or of the part of it that lies on one side of a window's edge.</summary>
public sealed record AttemptPeriod(DateTimeOffset Start, AttemptAggregate Tally);

/// <summary>
/// Counts the log. Ended hours are counted once and kept (<see cref="AttemptHour"/>); the hour that is open, the hours that a window
/// cuts, and hours of which a row was changed since are counted from their rows, so every count is exact at every instant.
/// </summary>
public sealed class AttemptHours(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>With more successes and failures than this, the p95 is taken from steps of 5 % instead of from each of them.</summary>
    public const int ExactUpTo = 10_000;

    /// <summary>Hours that ended longer ago are not counted ahead: no page looks there.</summary>
    private static readonly TimeSpan CountedAhead = TimeSpan.FromDays(32);

    /// <summary>The same number stands in the database's trigger.</summary>
    private const int LockClass = 724_500;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>The attempts since the first of the edges, in pieces of at most an hour that no edge cuts. Hours without attempts are left out.</summary>
    /// <param name="edges">Beginnings of windows; a window's figures are the sum of the pieces that begin at or after its edge.</param>
    public async Task<IReadOnlyList<AttemptPeriod>> PeriodsAsync(AttemptScope scope, IReadOnlyCollection<DateTimeOffset> edges, CancellationToken cancellationToken)
    {
        var since = edges.Min();
        var cut = edges.Where(edge => edge != Floor(edge)).Select(Floor).ToHashSet();
        var names = Names(scope);

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);

        // One snapshot, so that an hour that is counted or forgotten meanwhile is neither missed nor taken twice.
        await using var snapshot = await Snapshots.TakeAsync(db, cancellationToken);
        var counted = await db.AttemptHours.Where(row => row.TokenName == AttemptHour.AllTokens && row.Hour >= since)
            .Select(row => row.Hour).Distinct().OrderBy(hour => hour).ToListAsync(cancellationToken);
        counted.RemoveAll(cut.Contains);
        var stored = await db.AttemptHours
            .Where(row => names.Contains(row.TokenName) && row.Hour >= since && (scope.Provider == null || row.Provider == scope.Provider))
            .Select(row => new { row.Hour, row.Tally }).ToListAsync(cancellationToken);
        var live = await CountAsync(db, scope, Gaps(since, counted, edges), cancellationToken);

        // The database keeps microseconds, a clock tenths of them: the piece after an edge must not seem to begin before it.
        var exact = edges.ToLookup(edge => edge.AddTicks(-(edge.UtcTicks % TimeSpan.TicksPerMicrosecond)));

        return
        [
            .. stored.Where(row => !cut.Contains(row.Hour)).GroupBy(row => row.Hour).Select(hour => new AttemptPeriod(hour.Key, Unpack(hour.Select(row => row.Tally)))),
            .. live.GroupBy(alike => alike.Start).Select(piece => new AttemptPeriod(exact[piece.Key].DefaultIfEmpty(piece.Key).Max(), Sum(piece))),
        ];
    }

    /// <summary>The figures since an instant, of pieces that <see cref="PeriodsAsync"/> gave for it.</summary>
    public async Task<AttemptStatistics> StatisticsAsync(IEnumerable<AttemptPeriod> periods, AttemptScope scope, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var tally = new AttemptAggregate();
        foreach (var period in periods.Where(period => period.Start >= since))
        {
            tally.Add(period.Tally);
        }

        return tally.ToStatistics(tally.Timed is > 0 and <= ExactUpTo ? await P95Async(scope, since, cancellationToken) : tally.AboutP95Ms);
    }

    /// <summary>Counts ended hours that have rows and no count, the latest first. Safe on several nodes; repeating it changes nothing.</summary>
    /// <returns>How many hours were counted.</returns>
    public async Task<int> CountEndedAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var hours = await db.Database.SqlQuery<DateTimeOffset>(
            $"""
             SELECT hour AS "Value" FROM generate_series({Floor(now - CountedAhead)}, {Floor(now) - Hour}, interval '1 hour') AS series (hour)
             WHERE NOT EXISTS (SELECT FROM token_refresh_hours AS counted WHERE counted.hour = series.hour)
               AND EXISTS (SELECT FROM token_refresh_logs WHERE started_at >= series.hour AND started_at < series.hour + interval '1 hour')
             ORDER BY hour DESC
             """).ToListAsync(cancellationToken);
        foreach (var hour in hours)
        {
            await CountAsync(db, hour, cancellationToken);
        }

        return hours.Count;
    }

    // A change of a row holds the hour's lock, shared, until it is committed: the count waits for it, and it waits for the count.
    private static async Task CountAsync(TokenRefreshDbContext db, DateTimeOffset hour, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({LockClass}, {(int)(hour.ToUnixTimeSeconds() / 3600)})", cancellationToken);
        if (!await db.AttemptHours.AnyAsync(row => row.Hour == hour, cancellationToken))
        {
            var alike = await CountAsync(db, new(), [(hour, hour + Hour)], cancellationToken, perToken: true);
            db.AttemptHours.AddRange(alike.GroupBy(row => row.Provider).Select(group => new AttemptHour { Hour = hour, Provider = group.Key, TokenName = AttemptHour.AllTokens, Tally = Sum(group).Pack() }));
            db.AttemptHours.AddRange(alike.GroupBy(row => (row.Provider, row.TokenName)).Select(group => new AttemptHour { Hour = hour, Provider = group.Key.Provider, TokenName = group.Key.TokenName, Tally = Sum(group).Pack() }));
            await db.SaveChangesAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        db.ChangeTracker.Clear();
    }

    // Each gap is looked up in the index by itself (OFFSET 0): as one join, Postgres would read the whole log and compare.
    private static async Task<List<AttemptGroup>> CountAsync(
        TokenRefreshDbContext db, AttemptScope scope, IReadOnlyCollection<(DateTimeOffset From, DateTimeOffset To)> gaps, CancellationToken cancellationToken, bool perToken = false)
    {
        DateTimeOffset[] from = [.. gaps.Select(gap => gap.From)], to = [.. gaps.Select(gap => gap.To)];
        string[]? tokens = scope.Tokens is null ? null : [.. scope.Tokens];
        return await db.Database.SqlQuery<AttemptGroup>(
            $"""
             SELECT greatest(gap.start, date_trunc('hour', started_at, 'UTC')) AS start,
                    CASE WHEN {perToken} THEN provider ELSE '' END AS provider, CASE WHEN {perToken} THEN token_name ELSE '' END AS token_name, status, trigger_type, error_code,
                    CASE WHEN duration_ms < 1 THEN 0 WHEN duration_ms >= 1 THEN least({AttemptAggregate.Steps}, 1 + floor(ln(duration_ms) / {Math.Log(AttemptAggregate.StepRatio)})::int) END AS step,
                    count(*) AS attempts, coalesce(sum(duration_ms), 0)::bigint AS duration_ms
             FROM unnest({from}, {to}) AS gap (start, stop)
             CROSS JOIN LATERAL (SELECT * FROM token_refresh_logs WHERE started_at >= gap.start AND started_at < gap.stop OFFSET 0) AS attempt
             WHERE ({scope.Provider}::text IS NULL OR provider = {scope.Provider}) AND ({tokens}::text[] IS NULL OR token_name = ANY({tokens}))
             GROUP BY 1, 2, 3, 4, 5, 6, 7
             """).ToListAsync(cancellationToken);
    }

    private async Task<double?> P95Async(AttemptScope scope, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[]? tokens = scope.Tokens is null ? null : [.. scope.Tokens];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<double?>(
            $"""
             SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms)::float8 AS "Value"
             FROM token_refresh_logs
             WHERE status IN ('success', 'failed') AND started_at >= {since}
               AND ({scope.Provider}::text IS NULL OR provider = {scope.Provider}) AND ({tokens}::text[] IS NULL OR token_name = ANY({tokens}))
             """).SingleAsync(cancellationToken);
    }

    /// <summary>What the counted hours leave open since an instant, cut at the edges.</summary>
    private static List<(DateTimeOffset From, DateTimeOffset To)> Gaps(DateTimeOffset since, List<DateTimeOffset> counted, IReadOnlyCollection<DateTimeOffset> edges)
    {
        List<(DateTimeOffset From, DateTimeOffset To)> gaps = [];
        var at = since;
        foreach (var hour in counted)
        {
            Leave(at, hour);
            at = hour + Hour;
        }

        Leave(at, DateTimeOffset.MaxValue);
        return gaps;

        void Leave(DateTimeOffset from, DateTimeOffset to)
        {
            foreach (var edge in edges.Where(edge => edge > from && edge < to).Order())
            {
                gaps.Add((from, edge));
                from = edge;
            }

            if (from < to)
            {
                gaps.Add((from, to));
            }
        }
    }

    private static AttemptAggregate Sum(IEnumerable<AttemptGroup> rows)
    {
        var tally = new AttemptAggregate();
        foreach (var row in rows)
        {
            tally.Add(row);
        }

        return tally;
    }

    private static AttemptAggregate Unpack(IEnumerable<byte[]> packed)
    {
        var tally = new AttemptAggregate();
        foreach (var each in packed)
        {
            tally.Add(each);
        }

        return tally;
    }

    private static string[] Names(AttemptScope scope) => scope.Tokens is null ? [AttemptHour.AllTokens] : [.. scope.Tokens];

    private static DateTimeOffset Floor(DateTimeOffset instant) => new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);
}
