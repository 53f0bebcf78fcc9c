using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Adds, changes and removes managed tokens. A change is checked and tried before it is stored; with it are stored its audit and the word to the other nodes.</summary>
public sealed class TokenDefinitionChanges(
    IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, ITokenProviders providers, Subjects subjects, IEnumerable<ITokenWatcher> watchers, TimeProvider clock)
{
    /// <summary>How often a change is tried while refreshes interfere.</summary>
    private const int Tries = 10;

    /// <summary>A removal waits so long for a refresh of the token to end.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>As many names go into one statement.</summary>
    private const int NamesAtOnce = 1000;

    /// <summary>What the token of that name is, or null.</summary>
    public async Task<TokenDefinition?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await DefinitionAsync(db, key, cancellationToken);
    }

    private static async Task<TokenDefinition?> DefinitionAsync(TokenRefreshDbContext db, string key, CancellationToken cancellationToken) =>
        await TokenFinder.Known(db).Where(token => token.Name == key)
            .Select(token => new TokenDefinition(token.Provider, token.Origin, token.Scopes, token.Grant, token.Parameters, token.Labels) { SubjectHash = token.SubjectHash }).SingleOrDefaultAsync(cancellationToken);

    /// <summary>What the tokens of these names are, by name; a name without a token is left out.</summary>
    internal async Task<Dictionary<string, TokenDefinition>> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var found = new Dictionary<string, TokenDefinition>(names.Count);
        foreach (var some in names.Chunk(NamesAtOnce))
        {
            foreach (var token in await TokenFinder.Known(db).Where(token => some.Contains(token.Name))
                .Select(token => new { token.Name, Definition = new TokenDefinition(token.Provider, token.Origin, token.Scopes, token.Grant, token.Parameters, token.Labels) { SubjectHash = token.SubjectHash } }).ToListAsync(cancellationToken))
            {
                found[token.Name] = token.Definition;
            }
        }

        return found;
    }

    /// <summary>The names of all managed tokens.</summary>
    internal async Task<IReadOnlyList<string>> ManagedNamesAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Tokens.AsNoTracking().Where(token => token.Origin == Origin.Managed).OrderBy(token => token.Name).Select(token => token.Name).ToListAsync(cancellationToken);
    }

    /// <summary>Adds a token.</summary>
    public async Task<CatalogResult> AddAsync(TokenDraft draft, CatalogChange change, CancellationToken cancellationToken)
    {
        var subject = Subject.Read(draft.Subject ?? "");
        if (TokenDraftRules.Check(draft, providers, draft.Subject, subject) is { Count: > 0 } wrong)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, wrong);
        }

        if (await FindAsync(draft.Name, cancellationToken) is not null)
        {
            return Taken(draft.Name);
        }

        var token = configured.Of(draft.Name, DefinitionOf(draft));
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

            var undeclared = await db.Tokens.SingleOrDefaultAsync(row => row.Name == token.Name && row.Origin == Origin.Undeclared, cancellationToken);
            if (undeclared is not null)
            {
                await db.Tokens.Where(row => row.Name == token.Name && row.Version == undeclared.Version).ExecuteDeleteAsync(cancellationToken);
                db.ChangeTracker.Clear();
            }

            var removed = await db.RemovedTokens.SingleOrDefaultAsync(gone => gone.Name == token.Name, cancellationToken);
            var row = Token.New(token.Name, clock.GetUtcNow(), removed?.Version ?? undeclared?.Version ?? 0);
            row.Configure(token);
            row.Assign(subject is null ? null : subjects.Seal(token.Name, subject));
            db.Tokens.Add(row);
            if (removed is not null)
            {
                db.RemovedTokens.Remove(removed);
            }

            try
            {
                await SaveAsync(db, token.Name, "token.added", new { provider = token.Provider.Name, scopes = token.Order.Scopes, grant = token.Order.Grant.ToString(), untested = change.IsUntested, subject = subject is not null }, change.By);
            }
            catch (DbUpdateException error) when (error is DbUpdateConcurrencyException or { InnerException: PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } })
            {
                return Taken(draft.Name);
            }

            if (await transaction.EndAsync(db, token.Provider.Name, contexts, clock) is { } unknown)
            {
                return unknown;
            }
        }

        await TellAsync(token.Name);
        return new CatalogResult.Done((TokenDefinition.Of(token) with { SubjectHash = subject is null ? null : subjects.HashOf(subject) }).Tag);
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
        var subject = edit.Subject is null ? await SubjectAsync(draft.Name, cancellationToken) : Subject.Read(edit.Subject);
        if (TokenDraftRules.Check(draft, providers, edit.Subject, subject) is { Count: > 0 } wrong)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, wrong);
        }

        var token = configured.Of(draft.Name, DefinitionOf(draft));
        var wanted = TokenDefinition.Of(token) with { SubjectHash = edit.Subject is null ? stored.SubjectHash : subject is null ? null : subjects.HashOf(subject) };
        if (wanted.Equals(stored))
        {
            return new CatalogResult.Done(stored.Tag, IsChanged: false);
        }

        if (!(wanted with { Labels = stored.Labels, SubjectHash = stored.SubjectHash }).Equals(stored) && await RefuseByProviderAsync(token, change, cancellationToken) is { } refusedByProvider)
        {
            return refusedByProvider;
        }

        // A refresh that ends between read and write changes the row; what it stored stays.
        for (var tries = 1; ; tries++)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

            // Of two changes of one version the second waits here, and finds that it is late.
            await CatalogLocks.OfAsync(db, token.Provider.Name, cancellationToken);
            var row = await db.Tokens.SingleOrDefaultAsync(row => row.Name == token.Name, cancellationToken);
            if (row is null || !row.Definition.Equals(stored))
            {
                return row is null ? Unknown(name) : Stale(name);
            }

            row.Redefine(token, clock.GetUtcNow());
            if (wanted.SubjectHash != stored.SubjectHash)
            {
                row.Assign(subject is null ? null : subjects.Seal(token.Name, subject));
            }

            try
            {
                await SaveAsync(
                    db, token.Name, "token.changed", new { scopes = token.Order.Scopes, grant = token.Order.Grant.ToString(), untested = change.IsUntested, subject = wanted.SubjectHash != stored.SubjectHash }, change.By);
                if (await transaction.EndAsync(db, token.Provider.Name, contexts, clock) is { } unknown)
                {
                    return unknown;
                }

                break;
            }
            catch (DbUpdateConcurrencyException)
            {
                if (tries == Tries)
                {
                    return InUse(token.Name);
                }
            }
        }

        await TellAsync(token.Name);
        return new CatalogResult.Done(wanted.Tag);
    }

    /// <summary>Removes a managed token with all that is stored of it but its log. A refresh that is in flight is not cut off: the removal waits for its end, ten seconds at most.</summary>
    public async Task<CatalogResult> RemoveAsync(string name, CatalogChange change, CancellationToken cancellationToken)
    {
        var stored = await FindAsync(name, cancellationToken);
        if (Refuse(stored, name, change) is { } refused)
        {
            return refused;
        }

        var key = name.ToLowerInvariant();
        for (var since = clock.GetTimestamp(); await TryRemoveAsync(key, stored!, change, cancellationToken) is { } result; await Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancellationToken))
        {
            if (result is not CatalogResult.Refused { Why: CatalogRefusal.InUse } || clock.GetElapsedTime(since) > LongestWait)
            {
                return result;
            }
        }

        await TellAsync(key);
        return new CatalogResult.Done("");
    }

    // Null where it was removed.
    private async Task<CatalogResult?> TryRemoveAsync(string key, TokenDefinition stored, CatalogChange change, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await CatalogLocks.OfAsync(db, stored.Provider, cancellationToken);
        if (Refuse(await DefinitionAsync(db, key, cancellationToken), key, change) is { } late)
        {
            return late;
        }

        // The time without a valid value ends with it.
        var gap = (await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == key, cancellationToken))?.EndGapOfThisCause(clock.GetUtcNow());
        var versions = await db.Database.SqlQuery<long>(
            $"""
             DELETE FROM tokens WHERE name = {key} AND origin = 'managed' AND (lease_owner IS NULL OR lease_until < clock_timestamp()) RETURNING version AS "Value"
             """).ToListAsync(cancellationToken);
        if (versions is not [var version])
        {
            return await db.Tokens.AnyAsync(token => token.Name == key, cancellationToken) ? InUse(key) : Unknown(key);
        }

        await db.ReplacedTokens.Where(replaced => replaced.Name == key).ExecuteDeleteAsync(cancellationToken);
        db.UnavailableIntervals.AddRange(gap is null ? [] : [gap]);
        db.RemovedTokens.Add(new() { Name = key, Version = version, RemovedAt = clock.GetUtcNow() });
        await SaveAsync(db, key, "token.removed", new { provider = stored.Provider }, change.By);
        return await transaction.EndAsync(db, stored.Provider, contexts, clock);
    }

    private static TokenDefinition DefinitionOf(TokenDraft draft) =>
        new(draft.Provider.ToLowerInvariant(), Origin.Managed, [.. draft.Scopes], draft.Grant, TokenDefinition.Json(draft.Parameters), TokenDefinition.Json(draft.Labels));

    // In force on this node as soon as the caller hears of it; the others hear it from the database, and so does this one where it is lost in between.
    private async Task TellAsync(string name)
    {
        try
        {
            foreach (var watcher in watchers)
            {
                await watcher.ReloadAsync([name], CancellationToken.None);
            }
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            // What is stored is stored, and each watcher reads everything once the database is back.
        }
    }

    private async Task<Subject?> SubjectAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return subjects.Open(name, await db.Tokens.Where(token => token.Name == name).Select(token => token.Subject).SingleOrDefaultAsync(cancellationToken));
    }

    private static async Task<CatalogResult.Refused?> RefuseByProviderAsync(ConfiguredToken token, CatalogChange change, CancellationToken cancellationToken) =>
        !change.IsUntested && token.NotConfiguredBecause is null && token.Order.Grant == Grant.ClientCredentials && await CatalogTrials.TryAsync(token.Provider, token.Order, cancellationToken) is { } failure
            ? new(CatalogRefusal.RefusedByProvider, $"The provider issued no such token: {failure.Kind.Code()}: {failure.Reason}. Nothing was stored.")
            : null;

    internal static CatalogResult.Refused? Refuse(TokenDefinition? stored, string name, CatalogChange change) => stored switch
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
        await ChangeFeed.AnnounceAsync(db, name, CancellationToken.None);
    }

    private static CatalogResult.Refused Unknown(string name) => new(CatalogRefusal.Unknown, $"There is no token {name}.");

    private static CatalogResult.Refused InUse(string name) => new(CatalogRefusal.InUse, $"Token {name} is being refreshed. Try again in a moment.");

    private static CatalogResult.Refused Stale(string name) => new(CatalogRefusal.Stale, $"Token {name} was changed meanwhile. Read it again, and repeat the change.");

    private static CatalogResult.Refused Taken(string name) => new(CatalogRefusal.Taken, $"A token {name} exists already.");
}
