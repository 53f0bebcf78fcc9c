using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>Reads how long tokens had no valid value: the intervals that ended, and those that last.</summary>
public sealed class FreshnessReader(IDbContextFactory<TokenRefreshDbContext> contexts, IOptions<ObjectiveOptions> options, TimeProvider clock) : IRetention
{
    /// <summary>Of more tokens than this the worst ones are told.</summary>
    private const int MostTokens = 1000;

    /// <summary>The objective and the tokens that fell short of it at some time.</summary>
    public async Task<FreshnessReport> ReadAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var gaps = await SecondsAsync(db, now - options.Value.Window, now, cancellationToken);
        return new(options.Value.Target, options.Value.Window,
        [
            .. gaps.Select(token => new TokenFreshness(token.Token, TimeSpan.FromSeconds(token.Seconds), TimeSpan.FromSeconds(token.LastHour)))
                .OrderByDescending(token => token.Unavailable).ThenBy(token => token.Token, StringComparer.Ordinal),
        ]);
    }

    /// <summary>The time without a valid value since an instant, added up over all tokens; pauses by a person are not counted.</summary>
    public async Task<TimeSpan> TotalAsync(DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return TimeSpan.FromSeconds((await SecondsAsync(db, since, clock.GetUtcNow(), cancellationToken)).Sum(token => token.Seconds));
    }

    /// <summary>The intervals of a token that ended since an instant, the oldest first.</summary>
    public async Task<IReadOnlyList<UnavailableInterval>> IntervalsAsync(string token, DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Set<UnavailableInterval>().AsNoTracking().Where(row => row.TokenName == token && row.To >= since).OrderBy(row => row.From).ToListAsync(cancellationToken);
    }

    /// <summary>The longest of the intervals of these tokens that ended since an instant.</summary>
    internal static async Task<TimeSpan> LongestAsync(TokenRefreshDbContext db, IReadOnlyCollection<string> tokens, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[] names = [.. tokens];
        return TimeSpan.FromSeconds(await db.Database.SqlQuery<double>(
            $"""
             SELECT coalesce(max(extract(epoch FROM "to" - "from")), 0)::float8 AS "Value"
             FROM unavailable_intervals WHERE token_name = ANY({names}) AND "to" >= {since}
             """).SingleAsync(cancellationToken));
    }

    /// <inheritdoc />
    public Task CleanUpAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken)
    {
        // The objective looks back as far as its window, however short the log is kept.
        var needed = clock.GetUtcNow() - options.Value.Window;
        var until = before < needed ? before : needed;
        return db.Set<UnavailableInterval>().Where(row => row.To < until).ExecuteDeleteAsync(cancellationToken);
    }

    // A gap that lasts begins where Token.GapUntil has it begin when it ends.
    private static Task<List<TokenSeconds>> SecondsAsync(TokenRefreshDbContext db, DateTimeOffset since, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var hour = now - TimeSpan.FromHours(1);
        return db.Database.SqlQuery<TokenSeconds>(
            $"""
             SELECT token, sum(extract(epoch FROM least(ended, {now}) - greatest(began, {since})))::float8 AS seconds,
                    coalesce(sum(extract(epoch FROM least(ended, {now}) - greatest(began, {hour}))) FILTER (WHERE least(ended, {now}) > {hour}), 0)::float8 AS last_hour
             FROM (SELECT token_name AS token, "from" AS began, "to" AS ended FROM unavailable_intervals
                   WHERE "to" > {since} AND "from" < {now} AND cause NOT IN ({UnavailableInterval.Paused}, {UnavailableInterval.NotConfigured})
                     AND NOT EXISTS (SELECT 1 FROM removed_tokens WHERE removed_tokens.name = token_name)
                   UNION ALL
                   SELECT name, greatest(expires_at, last_success_at, gap_from), {now} FROM tokens WHERE provider IN (SELECT name FROM providers) AND is_active AND access_token IS NOT NULL AND expires_at < {now}) AS gaps
             WHERE ended > began AND least(ended, {now}) > greatest(began, {since})
             GROUP BY token
             ORDER BY seconds DESC, token LIMIT {MostTokens}
             """).ToListAsync(cancellationToken);
    }

    private sealed record TokenSeconds(string Token, double Seconds, double LastHour);
}
