using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>Equal failures of one token in a row.</summary>
/// <param name="Newest">Where they end.</param>
/// <param name="Oldest">Where they begin, as far as they were followed.</param>
/// <param name="Count">How many they are.</param>
/// <param name="IsWhole">False where there may be more: they are not followed for ever.</param>
public sealed record FailureRun(string Token, string? ErrorCode, AttemptKey Newest, AttemptKey Oldest, int Count, bool IsWhole)
{
    /// <summary>So far they are followed in each direction.</summary>
    public const int Most = 1000;

    /// <summary>When the oldest of them began.</summary>
    public DateTimeOffset Since => new(Oldest.Value, TimeSpan.Zero);

    /// <summary>True for an attempt that is one of them.</summary>
    public bool Holds(RefreshAttempt row) =>
        row.Status == AttemptStatus.Failed && row.TokenName == Token && row.ErrorCode == ErrorCode && AttemptKey.Of(row, AttemptOrder.Newest) is var key
        && (key.Value, key.Id).CompareTo((Oldest.Value, Oldest.Id)) >= 0 && (key.Value, key.Id).CompareTo((Newest.Value, Newest.Id)) <= 0;
}

/// <summary>Reads the log.</summary>
public sealed class AttemptLog(IDbContextFactory<TokenRefreshDbContext> contexts, AttemptHours hours)
{
    /// <summary>A search for text looks at this many rows at a time, so that it answers at once however long the log is.</summary>
    private const int SearchDepth = 20_000;

    /// <summary>So many attempts on each side of a failure are read before its run is followed.</summary>
    private const int ShortRun = 16;

    /// <summary>One page of the matching rows, read from an index by the key at which the page before ended.</summary>
    /// <param name="after">The page before's <see cref="AttemptPage.Next"/>; null for the first page.</param>
    public async Task<AttemptPage> PageAsync(AttemptFilter filter, AttemptOrder order, AttemptKey? after, int size, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = Sorted(After(Matching(db, filter), order, after), order);
        if (filter.Text is null)
        {
            var found = await rows.Take(size + 1).ToListAsync(cancellationToken);
            return found.Count > size ? new(found[..size], AttemptKey.Of(found[size - 1], order), null) : new(found, null, null);
        }

        await using var snapshot = await Snapshots.TakeAsync(db, cancellationToken);
        var fitting = await Sorted(Containing(rows.Take(SearchDepth), filter.Text), order).Take(size + 1).ToListAsync(cancellationToken);
        if (fitting.Count > size)
        {
            return new(fitting[..size], AttemptKey.Of(fitting[size - 1], order), null);
        }

        var last = await rows.Skip(SearchDepth - 1).FirstOrDefaultAsync(cancellationToken);
        return last is null ? new(fitting, null, null) : new(fitting, AttemptKey.Of(last, order), last.StartedAt);
    }

    /// <summary>Matching rows, newest first.</summary>
    /// <param name="limit">The most rows.</param>
    /// <param name="before">Only rows older than the one with this id: the key of the next page.</param>
    public async Task<IReadOnlyList<RefreshAttempt>> RecentAsync(AttemptFilter filter, int limit, long? before, CancellationToken cancellationToken)
    {
        AttemptKey? after = null;
        if (before is { } id and < long.MaxValue)
        {
            // Rows go from the old end: once the row of the key is gone, so is all that would come after it.
            if (await FindAsync(id, cancellationToken) is not { } row)
            {
                return [];
            }

            after = AttemptKey.Of(row, AttemptOrder.Newest);
        }

        return (await PageAsync(filter, AttemptOrder.Newest, after, limit, cancellationToken)).Rows;
    }

    /// <summary>
    /// The runs that some failures belong to, each once. A run is the failures of one token for one reason, with no success and no other reason between;
    /// skips and what is running are passed over.
    /// </summary>
    public async Task<IReadOnlyList<FailureRun>> RunsAsync(IReadOnlyCollection<RefreshAttempt> failures, CancellationToken cancellationToken)
    {
        var runs = new List<FailureRun>();
        if (failures.Count == 0)
        {
            return runs;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var near = (await NearAsync(db, failures, cancellationToken)).ToLookup(row => (row.Of, row.IsNewer));
        foreach (var failure in failures)
        {
            if (!runs.Exists(run => run.Holds(failure)))
            {
                var own = AttemptKey.Of(failure, AttemptOrder.Newest);
                var (newest, newer, isNewerWhole) = await FollowAsync(db, failure, AttemptOrder.Oldest, near[(failure.Id, true)], cancellationToken);
                var (oldest, older, isOlderWhole) = await FollowAsync(db, failure, AttemptOrder.Newest, near[(failure.Id, false)], cancellationToken);
                runs.Add(new(failure.TokenName, failure.ErrorCode, newest ?? own, oldest ?? own, newer + 1 + older, isNewerWhole && isOlderWhole));
            }
        }

        return runs;
    }

    /// <summary>How many matching rows are newer than one, at most <paramref name="most"/>.</summary>
    public async Task<int> NewerAsync(AttemptFilter filter, AttemptKey than, int most, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = Sorted(After(Matching(db, filter), AttemptOrder.Oldest, than), AttemptOrder.Oldest);
        return await (filter.Text is { } text ? Containing(rows.Take(SearchDepth), text) : rows).Take(most).CountAsync(cancellationToken);
    }

    /// <summary>How many attempts failed since an instant, at most <paramref name="most"/>.</summary>
    public async Task<int> FailuresAsync(DateTimeOffset since, int most, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Attempts.Where(row => row.Status == AttemptStatus.Failed && row.StartedAt >= since).Take(most).CountAsync(cancellationToken);
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
        var rows = Matching(db, filter);
        await foreach (var row in Sorted(filter.Text is { } text ? Containing(rows, text) : rows, AttemptOrder.Newest).AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            yield return row;
        }
    }

    /// <summary>The figures of all or of one provider since an instant.</summary>
    /// <param name="tokens">Only these tokens'; null for all.</param>
    public async Task<AttemptStatistics> StatisticsAsync(string? provider, DateTimeOffset since, CancellationToken cancellationToken, IReadOnlyCollection<string>? tokens = null)
    {
        var scope = new AttemptScope(provider, tokens);
        return await hours.StatisticsAsync(await hours.PeriodsAsync(scope, [since], cancellationToken), scope, since, cancellationToken);
    }

    // Nearly every run is short, so the attempts around all failures of a page are read at once.
    private static async Task<List<NearAttempt>> NearAsync(TokenRefreshDbContext db, IReadOnlyCollection<RefreshAttempt> failures, CancellationToken cancellationToken)
    {
        long[] ids = [.. failures.Select(failure => failure.Id)];
        string[] tokens = [.. failures.Select(failure => failure.TokenName)];
        DateTimeOffset[] began = [.. failures.Select(failure => failure.StartedAt)];
        return await db.Database.SqlQuery<NearAttempt>(
            $"""
             SELECT failure.id AS of, true AS is_newer, near.id, near.started_at, near.status = 'failed' AS is_failed, near.error_code
             FROM unnest({ids}, {tokens}, {began}) AS failure (id, token, at)
             CROSS JOIN LATERAL (
               SELECT * FROM token_refresh_logs WHERE token_name = failure.token AND status IN ('success', 'failed') AND (started_at, id) > (failure.at, failure.id)
               ORDER BY started_at, id LIMIT {ShortRun}) AS near
             UNION ALL
             SELECT failure.id, false, near.id, near.started_at, near.status = 'failed', near.error_code
             FROM unnest({ids}, {tokens}, {began}) AS failure (id, token, at)
             CROSS JOIN LATERAL (
               SELECT * FROM token_refresh_logs WHERE token_name = failure.token AND status IN ('success', 'failed') AND (started_at, id) < (failure.at, failure.id)
               ORDER BY started_at DESC, id DESC LIMIT {ShortRun}) AS near
             """).ToListAsync(cancellationToken);
    }

    // How far equal failures go on in one direction, not followed for ever: only a run that does not end among the attempts near it is worth reading on.
    private static async Task<(AttemptKey? Last, int Count, bool IsWhole)> FollowAsync(
        TokenRefreshDbContext db, RefreshAttempt failure, AttemptOrder order, IEnumerable<NearAttempt> near, CancellationToken cancellationToken)
    {
        var rows = (order == AttemptOrder.Oldest ? near.OrderBy(row => row.StartedAt).ThenBy(row => row.Id) : near.OrderByDescending(row => row.StartedAt).ThenByDescending(row => row.Id)).ToList();
        if (rows.Count == ShortRun && rows.TrueForAll(IsEqual))
        {
            var ended = db.Attempts.AsNoTracking().Where(row => row.TokenName == failure.TokenName && (row.Status == AttemptStatus.Success || row.Status == AttemptStatus.Failed));
            rows = await Sorted(After(ended, order, AttemptKey.Of(failure, order)), order).Take(FailureRun.Most)
                .Select(row => new NearAttempt(failure.Id, order == AttemptOrder.Oldest, row.Id, row.StartedAt, row.Status == AttemptStatus.Failed, row.ErrorCode)).ToListAsync(cancellationToken);
        }

        var equal = rows.TakeWhile(IsEqual).ToList();
        return (equal.Count == 0 ? null : new(equal[^1].StartedAt.UtcTicks, equal[^1].Id), equal.Count, equal.Count < FailureRun.Most);

        bool IsEqual(NearAttempt row) => row.IsFailed && row.ErrorCode == failure.ErrorCode;
    }

    private static IQueryable<RefreshAttempt> Matching(TokenRefreshDbContext db, AttemptFilter filter)
    {
        var rows = db.Attempts.AsNoTracking();
        rows = filter.Since is { } since ? rows.Where(row => row.StartedAt >= since) : rows;
        rows = filter.Until is { } until ? rows.Where(row => row.StartedAt < until) : rows;
        rows = filter.Provider is { } provider ? rows.Where(row => row.Provider == provider) : rows;
        rows = filter.Token is { } token ? rows.Where(row => row.TokenName == token) : rows;
        rows = filter.Tokens is { } tokens ? rows.Where(row => tokens.Contains(row.TokenName)) : rows;
        rows = filter.Status is { } status ? rows.Where(row => row.Status == status) : rows;
        rows = filter.HidesSkips ? rows.Where(row => row.Status != AttemptStatus.Skipped) : rows;
        rows = filter.Trigger is { } trigger ? rows.Where(row => row.TriggerType == trigger) : rows;
        rows = filter.ErrorCode is { } code ? rows.Where(row => row.Status == AttemptStatus.Failed && row.ErrorCode == code) : rows;
        return filter.JobId is { } job ? rows.Where(row => row.JobId == job) : rows;
    }

    private static IQueryable<RefreshAttempt> Containing(IQueryable<RefreshAttempt> rows, string text)
    {
        var like = LikePattern.Containing(text);
        return rows.Where(row => EF.Functions.ILike(row.Message, like, LikePattern.Escape) || EF.Functions.ILike(row.TriggeredBy, like, LikePattern.Escape));
    }

    // Rows as values of two columns, as Postgres compares them: one step into the index, however deep the page.
    private static IQueryable<RefreshAttempt> After(IQueryable<RefreshAttempt> rows, AttemptOrder order, AttemptKey? after)
    {
        if (order is AttemptOrder.Longest or AttemptOrder.Shortest)
        {
            rows = rows.Where(row => row.DurationMs != null && (row.Status == AttemptStatus.Success || row.Status == AttemptStatus.Failed));
        }

        if (after is not { } key)
        {
            return rows;
        }

        var (began, took, id) = (order is AttemptOrder.Newest or AttemptOrder.Oldest ? new DateTimeOffset(key.Value, TimeSpan.Zero) : default, (long?)key.Value, key.Id);
        return order switch
        {
            AttemptOrder.Newest => rows.Where(row => EF.Functions.LessThan(ValueTuple.Create(row.StartedAt, row.Id), ValueTuple.Create(began, id))),
            AttemptOrder.Oldest => rows.Where(row => EF.Functions.GreaterThan(ValueTuple.Create(row.StartedAt, row.Id), ValueTuple.Create(began, id))),
            AttemptOrder.Longest => rows.Where(row => EF.Functions.LessThan(ValueTuple.Create(row.DurationMs, row.Id), ValueTuple.Create(took, id))),
            _ => rows.Where(row => EF.Functions.GreaterThan(ValueTuple.Create(row.DurationMs, row.Id), ValueTuple.Create(took, id))),
        };
    }

    private static IOrderedQueryable<RefreshAttempt> Sorted(IQueryable<RefreshAttempt> rows, AttemptOrder order) => order switch
    {
        AttemptOrder.Newest => rows.OrderByDescending(row => row.StartedAt).ThenByDescending(row => row.Id),
        AttemptOrder.Oldest => rows.OrderBy(row => row.StartedAt).ThenBy(row => row.Id),
        AttemptOrder.Longest => rows.OrderByDescending(row => row.DurationMs).ThenByDescending(row => row.Id),
        _ => rows.OrderBy(row => row.DurationMs).ThenBy(row => row.Id),
    };

    /// <summary>An attempt that ended, before or after a failure of the same token.</summary>
    /// <param name="Of">The failure's id.</param>
    private sealed record NearAttempt(long Of, bool IsNewer, long Id, DateTimeOffset StartedAt, bool IsFailed, string? ErrorCode);
}
