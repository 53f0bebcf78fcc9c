using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>A token as somebody wants it.</summary>
/// <param name="Parameters">What the provider is told beside the scopes.</param>
/// <param name="Labels">What people note about it; no secrets.</param>
public sealed record TokenDraft(
    string Name, string Provider, IReadOnlyList<string> Scopes, Grant Grant, IReadOnlyDictionary<string, string> Parameters, IReadOnlyDictionary<string, string> Labels);

/// <summary>Some of what a token is; what is null stays as it is.</summary>
public sealed record TokenEdit(
    IReadOnlyList<string>? Scopes = null, Grant? Grant = null, IReadOnlyDictionary<string, string>? Parameters = null, IReadOnlyDictionary<string, string>? Labels = null);

/// <summary>Adds, changes and removes managed tokens. A change is checked and tried before it is stored; with it are stored its audit and the word to the other nodes.</summary>
public sealed class TokenDefinitionChanges(
    IDbContextFactory<TokenRefreshDbContext> contexts, LiveCatalog live, ITokenProviders providers, TimeProvider clock)
{
    /// <summary>How often a change is tried while refreshes interfere.</summary>
    private const int Tries = 10;

    private const int MostPairs = 50, LongestText = 256, MostScopes = 100;

    /// <summary>What the token of that name is, or null.</summary>
    public async Task<TokenDefinition?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Tokens.AsNoTracking().Where(token => token.Name == key)
            .Select(token => new TokenDefinition(token.Provider, token.Origin, token.Scopes, token.Grant, token.Parameters, token.Labels)).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>Adds a token.</summary>
    public async Task<CatalogResult> AddAsync(TokenDraft draft, CatalogChange change, CancellationToken cancellationToken)
    {
        if (Check(draft) is { Count: > 0 } wrong)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, wrong);
        }

        if (await FindAsync(draft.Name, cancellationToken) is not null)
        {
            return Taken(draft.Name);
        }

        var token = live.Join(draft.Name, draft.Provider, OrderOf(draft), draft.Labels)!;
        if (await RefuseByProviderAsync(token, change, cancellationToken) is { } refused)
        {
            return refused;
        }

        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            await CatalogLocks.OfAsync(db, token.Provider.Name, cancellationToken);
            if (!await db.Providers.AnyAsync(provider => provider.Name == token.Provider.Name, cancellationToken))
            {
                return new CatalogResult.Refused(CatalogRefusal.Invalid, $"The provider {token.Provider.Name} was removed meanwhile.");
            }

            var removed = await db.RemovedTokens.SingleOrDefaultAsync(gone => gone.Name == token.Name, cancellationToken);
            var row = Token.New(token.Name, clock.GetUtcNow(), removed?.Version ?? 0);
            row.Configure(token);
            db.Tokens.Add(row);
            if (removed is not null)
            {
                db.RemovedTokens.Remove(removed);
            }

            try
            {
                await SaveAsync(db, token.Name, "token.added", new { provider = token.Provider.Name, scopes = token.Order.Scopes, grant = token.Order.Grant.ToString(), untested = change.IsUntested }, change.By);
            }
            catch (DbUpdateException error) when (error is DbUpdateConcurrencyException or { InnerException: PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } })
            {
                return Taken(draft.Name);
            }

            await transaction.CommitAsync(CancellationToken.None);
        }

        await live.ReloadAsync(CancellationToken.None);
        return new CatalogResult.Done(TokenDefinition.Of(token).Tag);
    }

    /// <summary>Changes a managed token. What it holds is served while it is valid, and replaced at the next look.</summary>
    public async Task<CatalogResult> ChangeAsync(string name, TokenEdit edit, CatalogChange change, CancellationToken cancellationToken)
    {
        var stored = await FindAsync(name, cancellationToken);
        if (Refuse(stored, name, change) is { } refused)
        {
            return refused;
        }

        var draft = new TokenDraft(
            name.ToLowerInvariant(), stored!.Provider, edit.Scopes ?? stored.Scopes, edit.Grant ?? stored.Grant, edit.Parameters ?? TokenDefinition.Pairs(stored.Parameters),
            edit.Labels ?? TokenDefinition.Pairs(stored.Labels));
        if (Check(draft) is { Count: > 0 } wrong)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, wrong);
        }

        var token = live.Join(draft.Name, draft.Provider, OrderOf(draft), draft.Labels)!;
        var wanted = TokenDefinition.Of(token);
        if (wanted.Equals(stored))
        {
            return new CatalogResult.Done(stored.Tag, IsChanged: false);
        }

        if (!(wanted with { Labels = stored.Labels }).Equals(stored) && await RefuseByProviderAsync(token, change, cancellationToken) is { } refusedByProvider)
        {
            return refusedByProvider;
        }

        // A refresh that ends between read and write changes the row; what it stored stays.
        for (var tries = 1; ; tries++)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            var row = await db.Tokens.SingleOrDefaultAsync(row => row.Name == token.Name, cancellationToken);
            if (row is null || !row.Definition.Equals(stored))
            {
                return row is null ? Unknown(name) : Stale(name);
            }

            row.Redefine(token, clock.GetUtcNow());
            try
            {
                await SaveAsync(db, token.Name, "token.changed", new { scopes = token.Order.Scopes, grant = token.Order.Grant.ToString(), untested = change.IsUntested }, change.By);
                await transaction.CommitAsync(CancellationToken.None);
                break;
            }
            catch (DbUpdateConcurrencyException) when (tries < Tries)
            {
            }
        }

        await live.ReloadAsync(CancellationToken.None);
        return new CatalogResult.Done(wanted.Tag);
    }

    /// <summary>Removes a managed token with all that is stored of it but its log. A refresh that is in flight is not cut off: the removal is refused until it has ended.</summary>
    public async Task<CatalogResult> RemoveAsync(string name, CatalogChange change, CancellationToken cancellationToken)
    {
        var stored = await FindAsync(name, cancellationToken);
        if (Refuse(stored, name, change) is { } refused)
        {
            return refused;
        }

        var key = name.ToLowerInvariant();
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

            // The time without a valid value ends with it.
            var gap = (await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == key, cancellationToken))?.EndGapOfThisCause(clock.GetUtcNow());
            var versions = await db.Database.SqlQuery<long>(
                $"""
                 DELETE FROM tokens WHERE name = {key} AND origin = 'managed' AND (lease_owner IS NULL OR lease_until < clock_timestamp()) RETURNING version AS "Value"
                 """).ToListAsync(cancellationToken);
            if (versions is not [var version])
            {
                return await db.Tokens.AnyAsync(token => token.Name == key, cancellationToken)
                    ? new CatalogResult.Refused(CatalogRefusal.InUse, $"Token {key} is being refreshed. Try again in a moment.")
                    : Unknown(name);
            }

            await db.ReplacedTokens.Where(replaced => replaced.Name == key).ExecuteDeleteAsync(cancellationToken);
            db.UnavailableIntervals.AddRange(gap is null ? [] : [gap]);
            db.RemovedTokens.Add(new() { Name = key, Version = version, RemovedAt = clock.GetUtcNow() });
            await SaveAsync(db, key, "token.removed", new { provider = stored!.Provider }, change.By);
            await transaction.CommitAsync(CancellationToken.None);
        }

        await live.ReloadAsync(CancellationToken.None);
        return new CatalogResult.Done("");
    }

    private List<string> Check(TokenDraft draft)
    {
        var wrong = new List<string>();
        if (!CatalogNames.IsAllowed(draft.Name))
        {
            wrong.Add($"A token name has {CatalogNames.Allowed}.");
        }

        if (providers.Find(draft.Provider) is null)
        {
            wrong.Add($"provider must be one of {string.Join(", ", providers.All.Select(provider => provider.Name))}.");
        }

        if (draft.Scopes.Count > MostScopes || draft.Scopes.Any(scope => scope.Length is 0 or > LongestText || scope.Any(sign => char.IsWhiteSpace(sign) || char.IsControl(sign) || sign is ',' or '"' or '\\')))
        {
            wrong.Add($"scopes are at most {MostScopes} words without blanks, commas, quotes and backslashes, one for each scope.");
        }

        foreach (var (pairs, what) in new[] { (draft.Parameters, "parameters"), (draft.Labels, "labels") })
        {
            if (pairs.Count > MostPairs || pairs.Any(pair => pair.Key.Length is 0 or > 64 || pair.Value.Length > LongestText || $"{pair.Key}{pair.Value}".Any(char.IsControl) || pair.Key.Any(sign => sign is '=' or ',' or ':')))
            {
                wrong.Add($"{what} are at most {MostPairs} pairs; a key has 1 to 64 characters without '=', ':' and ',', a value at most {LongestText}, neither has control characters.");
            }
            else if (pairs.Keys.Distinct(StringComparer.OrdinalIgnoreCase).Count() != pairs.Count)
            {
                wrong.Add($"{what} has a key twice; keys that differ in case only are the same.");
            }
        }

        return wrong;
    }

    private static TokenOrder OrderOf(TokenDraft draft) => new(draft.Name, [.. draft.Scopes], draft.Grant, draft.Parameters);

    private static async Task<CatalogResult.Refused?> RefuseByProviderAsync(ConfiguredToken token, CatalogChange change, CancellationToken cancellationToken) =>
        !change.IsUntested && token.NotConfiguredBecause is null && token.Order.Grant == Grant.ClientCredentials && await CatalogTrials.TryAsync(token.Provider, token.Order, cancellationToken) is { } failure
            ? new(CatalogRefusal.RefusedByProvider, $"The provider issued no such token: {failure.Kind.Code()}: {failure.Reason}. Nothing was stored.")
            : null;

    private static CatalogResult.Refused? Refuse(TokenDefinition? stored, string name, CatalogChange change) => stored switch
    {
        null => Unknown(name),
        { Origin: Origin.Declared } => new(CatalogRefusal.Declared, $"Token {name} is declared by the server's settings (Tokens__{name}__…). Change it there and restart."),
        _ when change.Tag is { } tag && tag != stored.Tag => Stale(name),
        _ => null,
    };

    private async Task SaveAsync(TokenRefreshDbContext db, string name, string action, object details, string by)
    {
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, action, name, details));
        await db.SaveChangesAsync(CancellationToken.None);
        await ChangeFeed.AnnounceAsync(db, ChangeFeed.Catalog, CancellationToken.None);
        await ChangeFeed.AnnounceAsync(db, ChangeFeed.Clients, CancellationToken.None);
    }

    private static CatalogResult.Refused Unknown(string name) => new(CatalogRefusal.Unknown, $"There is no token {name}.");

    private static CatalogResult.Refused Stale(string name) => new(CatalogRefusal.Stale, $"Token {name} was changed meanwhile. Read it again, and repeat the change.");

    private static CatalogResult.Refused Taken(string name) => new(CatalogRefusal.Taken, $"A token {name} exists already.");
}
