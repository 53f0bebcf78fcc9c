using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Health;

/// <summary>The tokens that people look at, and how many there are of each kind.</summary>
/// <param name="Listed">Most urgent first: all of them, or of very many the most urgent ones.</param>
/// <param name="Counts">All of them, counted.</param>
public sealed record TokenPicture(IReadOnlyList<TokenView> Listed, TokenCounts Counts);

/// <summary>Reads the tokens and how they stand, without their sealed secrets: no one who lists them opens one.</summary>
public sealed class TokenOverview(
    IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, ITokenProviders providers, TokenTotals totals, ScheduleOutlookReader outlook, TimeProvider clock)
{
    /// <summary>Of more tokens than this the most urgent ones are listed, and the others counted.</summary>
    public const int MostListed = 250;

    private string? unsealed;

    /// <summary>The most urgent tokens, and how all stand.</summary>
    /// <param name="only">Of whose; null for all.</param>
    public async Task<TokenPicture> ReadAsync(TokenNameFilter? only, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (only is not null || !totals.Exceed(2 * MostListed))
        {
            var few = await Unsealed(db, only).OrderBy(token => token.Name).Take(MostListed + 1).ToListAsync(cancellationToken);
            if (few.Count <= MostListed)
            {
                var all = await ViewsAsync(few, cancellationToken);
                return new(all, TokenCounts.Of(all));
            }
        }

        var urgent = await UrgentAsync(db, cancellationToken);
        var rows = await Unsealed(db, only).Where(token => urgent.Contains(token.Name)).ToListAsync(cancellationToken);
        return new([.. (await ViewsAsync(rows, cancellationToken)).Take(MostListed)], await CountAsync(db, only, cancellationToken));
    }

    /// <summary>The tokens of those names, most urgent first; names of no token are left out.</summary>
    public async Task<IReadOnlyList<TokenView>> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        string[] keys = [.. names.Select(name => name.ToLowerInvariant()).Where(CatalogNames.IsAllowed).Distinct()];
        if (keys.Length == 0)
        {
            return [];
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await ViewsAsync(await Unsealed(db, null).Where(token => keys.Contains(token.Name)).ToListAsync(cancellationToken), cancellationToken);
    }

    /// <summary>A page of the tokens that fit, in an order that an index has.</summary>
    public async Task<IReadOnlyList<TokenView>> PageAsync(TokenQuery query, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var names = await query.NamesAsync(db, Facts(clock.GetUtcNow()), cancellationToken);
        var views = (await ViewsAsync(await Unsealed(db, null).Where(token => names.Contains(token.Name)).ToListAsync(cancellationToken), cancellationToken)).ToDictionary(view => view.Name, StringComparer.Ordinal);
        return [.. names.Select(name => views.GetValueOrDefault(name)).OfType<TokenView>()];
    }

    private static IOrderedEnumerable<TokenView> Urgency(IEnumerable<TokenView> views) => views
        .OrderBy(view => view.IsWell)
        .ThenByDescending(view => view.State)
        .ThenBy(view => view.Stored?.ExpiresAt ?? DateTimeOffset.MaxValue)
        .ThenBy(view => view.Name, StringComparer.Ordinal);

    private async Task<IReadOnlyList<TokenView>> ViewsAsync(List<Token> rows, CancellationToken cancellationToken)
    {
        var next = await outlook.ReadAsync(isRunning: true, cancellationToken);
        var now = clock.GetUtcNow();
        return [.. Urgency(rows.Select(row => configured.Of(row) is var settings ? new TokenView(settings, TokenHealth.Of(row, settings, now), row, now) { Outlook = next } : throw new System.Diagnostics.UnreachableException()))];
    }

    // A few of each kind that may be urgent, each found by an index.
    private async Task<List<string>> UrgentAsync(TokenRefreshDbContext db, CancellationToken cancellationToken) => await db.Database.SqlQueryRaw<string>(
        $$"""
          WITH {{TokenStateSql.Providers}}
          SELECT urgent.name AS "Value" FROM facts CROSS JOIN LATERAL (
            (SELECT name FROM tokens WHERE provider = facts.provider AND access_token IS NULL LIMIT {6})
            UNION (SELECT name FROM tokens WHERE provider = facts.provider AND last_error_code IS NOT NULL ORDER BY expires_at LIMIT {6})
            UNION (SELECT name FROM tokens WHERE provider = facts.provider AND expires_at <= {4} ORDER BY expires_at LIMIT {6})
            UNION (SELECT name FROM tokens WHERE provider = facts.provider AND expires_at > {4} ORDER BY expires_at LIMIT {6})
            UNION (SELECT name FROM tokens WHERE provider = facts.provider AND refresh_due_at < {4} ORDER BY refresh_due_at LIMIT {6})) AS urgent
          UNION (SELECT name FROM tokens WHERE paused_at IS NOT NULL ORDER BY paused_at DESC LIMIT {6})
          UNION (SELECT name FROM tokens WHERE "grant" = 'Imported' ORDER BY expires_at LIMIT {6})
          """, [.. Facts(clock.GetUtcNow()), MostListed]).ToListAsync(cancellationToken);

    // What is not healthy is counted; the rest is healthy.
    private async Task<TokenCounts> CountAsync(TokenRefreshDbContext db, TokenNameFilter? only, CancellationToken cancellationToken)
    {
        var (likes, asked) = (only?.Patterns is { IsEverything: false } patterns ? patterns.Likes : null, only?.Providers?.ToArray());
        var unwell = await db.Database.SqlQueryRaw<CountRow>(
            $$"""
              WITH {{TokenStateSql.Providers}},
                   judged AS (SELECT tokens.provider, {{TokenStateSql.State}} AS state, {{TokenStateSql.IsValid}} AS is_valid, {{TokenStateSql.HasExpired}} AS has_expired
                              FROM tokens LEFT JOIN facts ON facts.provider = tokens.provider
                              WHERE {{TokenStateSql.MayBeUnwell}} AND tokens.origin <> 'undeclared'
                                AND ({6}::text[] IS NULL OR tokens.name LIKE ANY ({6})) AND ({7}::text[] IS NULL OR tokens.provider = ANY ({7})))
              SELECT provider, state, is_valid, has_expired, count(*) AS count FROM judged WHERE state <> 'healthy' GROUP BY 1, 2, 3, 4
              """, [.. Facts(clock.GetUtcNow()), (object?)likes ?? DBNull.Value, (object?)asked ?? DBNull.Value]).ToListAsync(cancellationToken);
        var all = likes is null
            ? (await totals.ReadAsync(db, cancellationToken)).Where(total => asked?.Contains(total.Key) != false)
            : (await TokenFinder.Known(db).Where(token => likes.Any(like => EF.Functions.Like(token.Name, like)) && (asked == null || asked.Contains(token.Provider)))
                .GroupBy(token => token.Provider).Select(group => new { group.Key, Count = group.LongCount() }).ToListAsync(cancellationToken)).Select(group => KeyValuePair.Create(group.Key, group.Count));
        var byProvider = unwell.ToLookup(row => row.Provider, row => row.Count);
        return new(
        [
            .. unwell.Select(row => new TokenCount(row.Provider, TokenHealth.Parse(row.State)!.Value, row.IsValid, row.HasExpired, row.Count)),
            .. all.Select(total => new TokenCount(total.Key, TokenState.Healthy, true, false, total.Value - byProvider[total.Key].Sum())).Where(alike => alike.Count > 0),
        ]);
    }

    private object[] Facts(DateTimeOffset now) => [.. TokenStateSql.Parameters(providers.All, configured.CriticalThresholdOf, now)];

    // Whether there is a secret decides how a token stands; the secret itself does not.
    private IQueryable<Token> Unsealed(TokenRefreshDbContext db, TokenNameFilter? only)
    {
        var rows = db.Tokens.FromSqlRaw(unsealed ??= WithoutSecrets(db)).AsNoTracking().Where(token => token.Origin != Origin.Undeclared);
        return only is null ? rows : only.Of(rows);
    }

    private static string WithoutSecrets(TokenRefreshDbContext db)
    {
        // In quotes, because one is a word of SQL.
        var columns = db.Model.FindEntityType(typeof(Token))!.GetProperties().Select(property => (property.Name, Column: $"\"{property.GetColumnName()}\""))
            .Select(property => property.Name is nameof(Token.AccessToken) or nameof(Token.RefreshToken) or nameof(Token.Subject) ? $"CASE WHEN {property.Column} IS NOT NULL THEN '' END AS {property.Column}" : property.Column);
        return $"SELECT {string.Join(", ", columns)} FROM tokens";
    }

    private sealed record CountRow(string Provider, string State, bool IsValid, bool HasExpired, long Count);
}
