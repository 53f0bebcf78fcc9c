using System.Data;
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
/// Counts the log. An hour that is over and holds no running attempt is counted once and kept (<see cref="AttemptHour"/>); all other hours, and those that
/// a window cuts, are counted from their rows. What the program writes into an hour that is over goes through <see cref="SaveAsync"/> or
/// <see cref="ForgetAsync"/>, so its figures are exact at every instant; after a change by hand, delete the hour's rows from token_refresh_hours.
/// </summary>
public sealed class AttemptHours(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>An hour is counted this long after its end: what began in it is in the log by then, whatever the nodes' clocks say.</summary>
    internal static readonly TimeSpan Margin = TimeSpan.FromMinutes(10);

    /// <summary>Hours that ended longer ago are not counted ahead: no page looks there.</summary>
    private static readonly TimeSpan CountedAhead = TimeSpan.FromDays(32);

    /// <summary>Counting takes it alone, a change of an hour that is over shares it with other changes.</summary>
    private const long LockId = 724_500;

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
        var stored = await db.AttemptHours.AsNoTracking()
            .Where(row => names.Contains(row.TokenName) && row.Hour >= since && (scope.Provider == null || row.Provider == scope.Provider)).ToListAsync(cancellationToken);
        var live = await CountAsync(db, scope, Gaps(since, counted, edges), cancellationToken);

        // The database keeps microseconds, a clock tenths of them: the piece after an edge must not seem to begin before it.
        var exact = edges.ToLookup(edge => edge.AddTicks(-(edge.UtcTicks % TimeSpan.TicksPerMicrosecond)));

        return
        [
            .. stored.Where(row => !cut.Contains(row.Hour)).GroupBy(row => row.Hour).Select(hour => new AttemptPeriod(hour.Key, Sum(hour))),
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

        return tally.ToStatistics(tally.P95 is { } place ? await P95Async(place, scope, since, cancellationToken) : null);
    }

    /// <summary>Counts hours that are over, have rows and no count, the latest first. Safe on several nodes; repeating it changes nothing.</summary>
    /// <returns>How many hours were counted.</returns>
    public async Task<int> CountEndedAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var hours = await db.Database.SqlQuery<DateTimeOffset>(
            $"""
             SELECT hour AS "Value" FROM generate_series({Floor(now - CountedAhead)}, {Floor(now - Margin) - Hour}, interval '1 hour') AS series (hour)
             WHERE NOT EXISTS (SELECT FROM token_refresh_hours AS counted WHERE counted.hour = series.hour)
               AND EXISTS (SELECT FROM token_refresh_logs WHERE started_at >= series.hour AND started_at < series.hour + interval '1 hour')
               AND NOT EXISTS (SELECT FROM token_refresh_logs WHERE status = 'running' AND started_at >= series.hour AND started_at < series.hour + interval '1 hour')
             ORDER BY hour DESC
             """).ToListAsync(cancellationToken);
        foreach (var hour in hours)
        {
            await CountAsync(db, hour, cancellationToken);
        }

        return hours.Count;
    }

    /// <summary>Saves changes of an attempt that began then; when its hour is over, what was counted for that hour is forgotten with the same commit.</summary>
    internal static async Task SaveAsync(TokenRefreshDbContext db, DateTimeOffset startedAt, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (now < Floor(startedAt) + Hour)
        {
            await db.SaveChangesAsync(cancellationToken);
            return;
        }

        await using var transaction = db.Database.CurrentTransaction is null ? await db.Database.BeginTransactionAsync(cancellationToken) : null;
        await db.SaveChangesAsync(cancellationToken);
        await ForgetAsync(db, Floor(startedAt), startedAt, cancellationToken);
        if (transaction is not null)
        {
            await transaction.CommitAsync(cancellationToken);
        }
    }

    /// <summary>Forgets what was counted for hours that begin between two instants. To be called in the transaction that changed their rows, after the change.</summary>
    internal static async Task ForgetAsync(TokenRefreshDbContext db, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken)
    {
        // Held until the change is committed: a count that is under way ends first and is forgotten, a later one waits and sees the change.
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock_shared({LockId})", cancellationToken);
        await db.AttemptHours.Where(row => row.Hour >= from && row.Hour <= to).ExecuteDeleteAsync(cancellationToken);
    }

    private static async Task CountAsync(TokenRefreshDbContext db, DateTimeOffset hour, CancellationToken cancellationToken)
    {
        // Each statement sees what was committed before it, whatever the database's own level is: the lock is of no use otherwise.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({LockId})", cancellationToken);
        if (!await db.AttemptHours.AnyAsync(row => row.Hour == hour, cancellationToken))
        {
            var alike = await CountAsync(db, new(), [(hour, hour + Hour)], cancellationToken, perToken: true);
            if (alike.TrueForAll(row => row.Status != "running"))
            {
                db.AttemptHours.AddRange(alike.GroupBy(row => (row.Provider, Code(row))).Select(group => Sum(group).Of(hour, group.Key.Provider, AttemptHour.AllTokens, group.Key.Item2)));
                db.AttemptHours.AddRange(alike.GroupBy(row => (row.Provider, row.TokenName, Code(row))).Select(group => Sum(group).Of(hour, group.Key.Provider, group.Key.TokenName, group.Key.Item3)));
                await db.SaveChangesAsync(cancellationToken);
            }
        }

        await transaction.CommitAsync(cancellationToken);
        db.ChangeTracker.Clear();

        static string Code(AttemptGroup row) => row.Status == "failed" ? row.ErrorCode ?? "" : "";
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
                    width_bucket(duration_ms, {DurationRanges.Bounds}) AS duration_range,
                    count(*) AS attempts, coalesce(sum(duration_ms), 0)::bigint AS duration_ms
             FROM unnest({from}, {to}) AS gap (start, stop)
             CROSS JOIN LATERAL (SELECT * FROM token_refresh_logs WHERE started_at >= gap.start AND started_at < gap.stop OFFSET 0) AS attempt
             WHERE ({scope.Provider}::text IS NULL OR provider = {scope.Provider}) AND ({tokens}::text[] IS NULL OR token_name = ANY({tokens}))
             GROUP BY 1, 2, 3, 4, 5, 6, 7
             """).ToListAsync(cancellationToken);
    }

    // The counts tell in which range it lies and how many of that range come before it; the index on durations holds all that is asked of the rows.
    private async Task<double?> P95Async((long FromMs, long ToMs, long Rank) place, AttemptScope scope, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[]? tokens = scope.Tokens is null ? null : [.. scope.Tokens];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var found = await db.Database.SqlQuery<long>(
            $"""
             SELECT duration_ms AS "Value"
             FROM token_refresh_logs
             WHERE status IN ('success', 'failed') AND duration_ms >= {place.FromMs} AND duration_ms < {place.ToMs} AND started_at >= {since}
               AND ({scope.Provider}::text IS NULL OR provider = {scope.Provider}) AND ({tokens}::text[] IS NULL OR token_name = ANY({tokens}))
             ORDER BY duration_ms OFFSET {place.Rank - 1} LIMIT 1
             """).ToListAsync(cancellationToken);

        // None where its row was deleted since it was counted.
        return found is [var duration] ? duration : place.FromMs;
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

    private static AttemptAggregate Sum(IEnumerable<AttemptHour> rows)
    {
        var tally = new AttemptAggregate();
        foreach (var row in rows)
        {
            tally.Add(row);
        }

        return tally;
    }

    private static string[] Names(AttemptScope scope) => scope.Tokens is null ? [AttemptHour.AllTokens] : [.. scope.Tokens];

    private static DateTimeOffset Floor(DateTimeOffset instant) => new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);
}
