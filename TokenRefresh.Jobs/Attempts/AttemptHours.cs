using System.Data;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>Whose attempts are counted; what is null is not asked.</summary>
/// <param name="Provider">Only this provider's.</param>
/// <param name="Tokens">Only these tokens'.</param>
public sealed record AttemptScope(string? Provider = null, IReadOnlyCollection<string>? Tokens = null);

/// <summary>The attempts of one provider from one edge to the next, or some of them.</summary>
public sealed record AttemptPeriod(DateTimeOffset Start, string Provider, AttemptAggregate Tally);

/// <summary>How many attempts succeeded and failed in an hour.</summary>
/// <param name="Token">Whose; empty for all tokens of the provider.</param>
public sealed record AttemptOutcomes(string Provider, string Token, DateTimeOffset Hour, long Succeeded, long Failed);

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

    /// <summary>The attempts since the first of the edges, one piece or more for each provider from each edge to the next. Pieces without attempts are left out.</summary>
    /// <param name="edges">Beginnings of windows; a window's figures are the sum of the pieces that begin at or after its edge. An edge on a whole hour costs nothing.</param>
    public async Task<IReadOnlyList<AttemptPeriod>> PeriodsAsync(AttemptScope scope, IReadOnlyCollection<DateTimeOffset> edges, CancellationToken cancellationToken)
    {
        DateTimeOffset[] starts = [.. edges.Distinct().Order()];
        DateTimeOffset[] cut = [.. starts.Select(Floor).Except(starts)];
        var names = Names(scope);

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);

        // One snapshot, so that an hour that is counted or forgotten meanwhile is neither missed nor taken twice.
        await using var snapshot = await Snapshots.TakeAsync(db, cancellationToken);
        var counted = await CountedAsync(db, starts[0], cut, cancellationToken);
        var stored = await db.Database.SqlQueryRaw<CountedHours>(CountedHours.Sql, starts, names, starts[0], cut, (object?)scope.Provider ?? DBNull.Value).ToListAsync(cancellationToken);
        var live = await CountAsync(db, scope, Gaps(starts, counted), perToken: false, cancellationToken);

        return
        [
            .. stored.GroupBy(hours => (hours.Piece, hours.Provider)).Select(piece => new AttemptPeriod(starts[piece.Key.Piece], piece.Key.Provider, Sum(piece))),
            .. live.GroupBy(alike => (alike.Piece, alike.Provider)).Select(piece => new AttemptPeriod(starts[piece.Key.Piece], piece.Key.Provider, Sum(piece))),
        ];
    }

    /// <summary>How many attempts succeeded and failed in each hour since the one of an instant, by provider, or by token where the scope names tokens. Hours without either are left out.</summary>
    public async Task<IReadOnlyList<AttemptOutcomes>> OutcomesAsync(AttemptScope scope, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var (first, names) = (Floor(since), Names(scope));
        DateTimeOffset[] starts = [.. Enumerable.Range(0, Math.Max(1, (int)Math.Ceiling((clock.GetUtcNow() - first) / Hour))).Select(number => first + (number * Hour))];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var snapshot = await Snapshots.TakeAsync(db, cancellationToken);
        var counted = await CountedAsync(db, first, [], cancellationToken);
        var stored = await db.AttemptHours
            .Where(row => names.Contains(row.TokenName) && row.Hour >= first && (scope.Provider == null || row.Provider == scope.Provider) && row.Succeeded + row.Failed > 0)
            .GroupBy(row => new { row.Provider, row.TokenName, row.Hour })
            .Select(hour => new AttemptOutcomes(hour.Key.Provider, hour.Key.TokenName, hour.Key.Hour, hour.Sum(row => row.Succeeded), hour.Sum(row => row.Failed)))
            .ToListAsync(cancellationToken);
        var live = await CountAsync(db, scope, Gaps(starts, counted), perToken: scope.Tokens is not null, cancellationToken);
        return
        [
            .. stored,
            .. live.GroupBy(alike => (alike.Provider, alike.TokenName, alike.Piece)).Select(hour => (hour.Key, Tally: Sum(hour)))
                .Where(hour => hour.Tally.Finished > 0)
                .Select(hour => new AttemptOutcomes(hour.Key.Provider, hour.Key.TokenName, starts[hour.Key.Piece], hour.Tally.Successful, hour.Tally.Failed)),
        ];
    }

    /// <summary>The figures since an instant, of pieces that <see cref="PeriodsAsync"/> gave for it, and of one provider where the scope names one.</summary>
    public async Task<AttemptStatistics> StatisticsAsync(IEnumerable<AttemptPeriod> periods, AttemptScope scope, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var tally = new AttemptAggregate();
        foreach (var period in periods.Where(period => period.Start >= since && (scope.Provider is null || period.Provider == scope.Provider)))
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
    internal static Task SaveAsync(TokenRefreshDbContext db, DateTimeOffset startedAt, DateTimeOffset now, CancellationToken cancellationToken) =>
        SaveAsync(db, startedAt, startedAt, now, () => db.SaveChangesAsync(cancellationToken), cancellationToken);

    /// <summary>The same for attempts that began between two instants, by another statement.</summary>
    internal static async Task SaveAsync(TokenRefreshDbContext db, DateTimeOffset first, DateTimeOffset last, DateTimeOffset now, Func<Task> save, CancellationToken cancellationToken)
    {
        if (now < Floor(first) + Hour)
        {
            await save();
            return;
        }

        await using var transaction = db.Database.CurrentTransaction is null ? await db.Database.BeginTransactionAsync(cancellationToken) : null;
        await save();
        await ForgetAsync(db, Floor(first), last, cancellationToken);
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
            var alike = await CountAsync(db, new(), [new(0, hour, hour + Hour)], perToken: true, cancellationToken);
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
        TokenRefreshDbContext db, AttemptScope scope, IReadOnlyCollection<Gap> gaps, bool perToken, CancellationToken cancellationToken)
    {
        int[] piece = [.. gaps.Select(gap => gap.Piece)];
        DateTimeOffset[] from = [.. gaps.Select(gap => gap.From)], to = [.. gaps.Select(gap => gap.To)];
        string[]? tokens = scope.Tokens is null ? null : [.. scope.Tokens];
        return await db.Database.SqlQuery<AttemptGroup>(
            $"""
             SELECT gap.piece, provider, CASE WHEN {perToken} THEN token_name ELSE '' END AS token_name, status, trigger_type, error_code, width_bucket(duration_ms, {DurationRanges.Bounds}) AS duration_range,
                    count(*) AS attempts, coalesce(sum(duration_ms), 0)::bigint AS duration_ms
             FROM unnest({piece}, {from}, {to}) AS gap (piece, start, stop)
             CROSS JOIN LATERAL (SELECT * FROM token_refresh_logs WHERE started_at >= gap.start AND started_at < gap.stop OFFSET 0) AS attempt
             WHERE ({scope.Provider}::text IS NULL OR provider = {scope.Provider}) AND ({tokens}::text[] IS NULL OR token_name = ANY({tokens}))
             GROUP BY 1, 2, 3, 4, 5, 6, 7
             """).ToListAsync(cancellationToken);
    }

    private static async Task<List<DateTimeOffset>> CountedAsync(TokenRefreshDbContext db, DateTimeOffset since, IReadOnlyCollection<DateTimeOffset> but, CancellationToken cancellationToken)
    {
        var hours = await db.AttemptHours.Where(row => row.TokenName == AttemptHour.AllTokens && row.Hour >= since).Select(row => row.Hour).Distinct().OrderBy(hour => hour).ToListAsync(cancellationToken);
        hours.RemoveAll(but.Contains);
        return hours;
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

    /// <summary>What the counted hours leave open since the first start, cut at the others.</summary>
    private static List<Gap> Gaps(DateTimeOffset[] starts, List<DateTimeOffset> counted)
    {
        List<Gap> gaps = [];
        var at = starts[0];
        foreach (var hour in counted)
        {
            Leave(at, hour);
            at = hour + Hour;
        }

        Leave(at, DateTimeOffset.MaxValue);
        return gaps;

        void Leave(DateTimeOffset from, DateTimeOffset to)
        {
            for (var piece = PieceOf(from); from < to; piece++)
            {
                var end = piece + 1 < starts.Length && starts[piece + 1] < to ? starts[piece + 1] : to;
                gaps.Add(new(piece, from, end));
                from = end;
            }
        }

        // The last start that is not after it.
        int PieceOf(DateTimeOffset instant) => Array.BinarySearch(starts, instant) is var place && place >= 0 ? place : ~place - 1;
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

    private static AttemptAggregate Sum(IEnumerable<CountedHours> rows)
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

    /// <summary>What is to be counted from its rows.</summary>
    /// <param name="Piece">The place of the last start that is not after it.</param>
    private readonly record struct Gap(int Piece, DateTimeOffset From, DateTimeOffset To);
}
