using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Adds, changes and removes managed providers. A change is checked and tried before it is stored; with it are stored its audit and the word to the other nodes.</summary>
public sealed class ProviderChanges(
    IDbContextFactory<TokenRefreshDbContext> contexts, LiveCatalog live, ITokenProviders providers, SecretProtection secrets, TimeProvider clock)
{
    /// <summary>The longest value of a setting.</summary>
    public const int LongestValue = 8192;

    private const int MostNames = 10;

    /// <summary>The row of that name, or null.</summary>
    public async Task<ProviderRow?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Providers.AsNoTracking().SingleOrDefaultAsync(provider => provider.Name == key, cancellationToken);
    }

    /// <summary>Every row, by name.</summary>
    public async Task<IReadOnlyList<ProviderRow>> ListAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Providers.AsNoTracking().OrderBy(provider => provider.Name).ToListAsync(cancellationToken);
    }

    /// <summary>The tag of a row's version.</summary>
    public static string TagOf(ProviderRow row) => row.Version.ToString(CultureInfo.InvariantCulture);

    /// <summary>Adds a provider.</summary>
    /// <param name="settings">Its settings, secrets included, by their names in any case.</param>
    public async Task<CatalogResult> AddAsync(string name, string type, IReadOnlyDictionary<string, string?> settings, CatalogChange change, CancellationToken cancellationToken)
    {
        if (!CatalogNames.IsAllowed(name))
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, $"A provider name has {CatalogNames.Allowed}.");
        }

        if (ProviderTypes.Find(type) is not { } known)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, $"type must be one of {string.Join(", ", ProviderTypes.All.Select(each => each.Name))}.");
        }

        if (providers.Find(name) is not null || await FindAsync(name, cancellationToken) is not null)
        {
            return Taken(name);
        }

        return await StoreAsync(ProviderRow.New(name, Origin.Managed, clock.GetUtcNow()), isNew: true, known, ProviderSettings.None.With(known, settings), [.. settings.Keys], change, cancellationToken);
    }

    /// <summary>Changes some settings of a managed provider; a value that is null or empty takes a setting away.</summary>
    public async Task<CatalogResult> ChangeAsync(string name, IReadOnlyDictionary<string, string?> settings, CatalogChange change, CancellationToken cancellationToken)
    {
        var row = await FindAsync(name, cancellationToken);
        if (Refuse(row, name, change) is { } refused)
        {
            return refused;
        }

        var type = ProviderTypes.Find(row!.Type)!;
        return await StoreAsync(row, isNew: false, type, ProviderSettings.Of(row, secrets).With(type, settings), [.. settings.Keys], change, cancellationToken);
    }

    /// <summary>Removes a managed provider that no token needs.</summary>
    public async Task<CatalogResult> RemoveAsync(string name, CatalogChange change, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            var row = await db.Providers.SingleOrDefaultAsync(provider => provider.Name == key, cancellationToken);
            if (Refuse(row, name, change) is { } refused)
            {
                return refused;
            }

            // Who adds a token locks its provider's row, so none comes in between.
            await CatalogLocks.OfAsync(db, row!.Name, cancellationToken);
            var needed = await db.Tokens.Where(token => token.Provider == row.Name && token.Origin != Origin.Undeclared).OrderBy(token => token.Name).Select(token => token.Name).Take(MostNames + 1).ToListAsync(cancellationToken);
            if (needed.Count > 0)
            {
                return new CatalogResult.Refused(
                    CatalogRefusal.InUse, $"Provider {row.Name} is needed by {string.Join(", ", needed.Take(MostNames))}{(needed.Count > MostNames ? " and more" : "")}. Remove these tokens first.");
            }

            db.Providers.Remove(row);
            if (await SaveAsync(db, row.Name, "provider.removed", new { type = row.Type }, change.By) is { } lost)
            {
                return lost;
            }

            await transaction.CommitAsync(CancellationToken.None);
        }

        await live.ReloadAsync(cancellationToken);
        return new CatalogResult.Done("");
    }

    /// <summary>Tries a provider as it is: null where it issues a token, and otherwise why not.</summary>
    public async Task<ProviderFailure?> TestAsync(ITokenProvider provider, CancellationToken cancellationToken) => await CatalogTrials.TryAsync(provider, await OrderAsync(provider.Name, [], cancellationToken), cancellationToken);

    private async Task<CatalogResult> StoreAsync(
        ProviderRow row, bool isNew, ProviderType type, ProviderSettings settings, IReadOnlyList<string> named, CatalogChange change, CancellationToken cancellationToken)
    {
        if (settings.All.FirstOrDefault(setting => setting.Value.Length > LongestValue) is { Key: not null } tooLong)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, $"{tooLong.Key} is longer than {LongestValue} characters.");
        }

        var build = live.Build(row.Name, type, settings);
        if (build is ProviderBuild.Refused(var complaints))
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, complaints);
        }

        await using (var built = ((ProviderBuild.Built)build).Provider)
        {
            var provider = built.Provider;
            if (!change.IsUntested && provider.IsEnabled)
            {
                if (provider.MissingSettings is { Count: > 0 } missing)
                {
                    return new CatalogResult.Refused(CatalogRefusal.Invalid, $"Missing: {string.Join(", ", missing.Select(setting => setting.Split(' ')[0]))}.");
                }

                if (await CatalogTrials.TryAsync(provider, await OrderAsync(row.Name, change.TrialScopes, cancellationToken), cancellationToken) is { } failure)
                {
                    return new CatalogResult.Refused(CatalogRefusal.RefusedByProvider, $"The provider issued no token with these settings: {failure.Kind.Code()}: {failure.Reason}. Nothing was stored.");
                }
            }

            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            _ = isNew ? db.Providers.Add(row) : db.Providers.Attach(row);
            var before = isNew ? null : ProviderSettings.Of(row, secrets);
            var sealedSecrets = before?.Secret.SequenceEqual(settings.Secret) == true ? row.Secrets : settings.Seal(row.Name, secrets);
            if (!row.Change(type.Name, Origin.Managed, (provider.IsEnabled, provider.MissingSettings.Count == 0), settings.PlainJson, sealedSecrets, clock.GetUtcNow()))
            {
                return new CatalogResult.Done(TagOf(row), IsChanged: false);
            }

            var details = new { type = type.Name, settings = named.Order(StringComparer.Ordinal), untested = change.IsUntested };
            if (await SaveAsync(db, row.Name, isNew ? "provider.added" : "provider.changed", details, change.By) is { } lost)
            {
                return lost;
            }

            await transaction.CommitAsync(CancellationToken.None);
        }

        await live.ReloadAsync(CancellationToken.None);
        return new CatalogResult.Done(TagOf(row));
    }

    // As one of its own tokens is asked for, where it has one: a provider may issue nothing without a scope.
    private async Task<TokenOrder> OrderAsync(string provider, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var token = await db.Tokens.AsNoTracking().Where(token => token.Provider == provider && token.Grant == Grant.ClientCredentials && token.IsActive)
            .OrderBy(token => token.Name).Select(token => new { token.Name, token.Scopes, token.Parameters }).FirstOrDefaultAsync(cancellationToken);
        return token is null ? CatalogTrials.Any(provider, scopes) : new(token.Name, token.Scopes, Grant.ClientCredentials, TokenDefinition.Pairs(token.Parameters));
    }

    private static CatalogResult.Refused? Refuse(ProviderRow? row, string name, CatalogChange change) => row switch
    {
        null => new(CatalogRefusal.Unknown, $"There is no provider {name}."),
        { Origin: Origin.Declared } => new(CatalogRefusal.Declared, $"Provider {row.Name} is declared by the server's settings ({ProviderOptions.Section}__{row.Name}__…). Change it there and restart."),
        _ when change.Tag is { } tag && tag != TagOf(row) => Stale(row.Name),
        _ => null,
    };

    private async Task<CatalogResult.Refused?> SaveAsync(TokenRefreshDbContext db, string name, string action, object details, string by)
    {
        try
        {
            db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, action, name, details));
            await db.SaveChangesAsync(CancellationToken.None);
            await ChangeFeed.AnnounceAsync(db, ChangeFeed.Catalog, CancellationToken.None);
            return null;
        }
        catch (DbUpdateConcurrencyException)
        {
            return Stale(name);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return Taken(name);
        }
    }

    private static CatalogResult.Refused Stale(string name) => new(CatalogRefusal.Stale, $"Provider {name} was changed meanwhile. Read it again, and repeat the change.");

    private static CatalogResult.Refused Taken(string name) => new(CatalogRefusal.Taken, $"A provider {name} exists already.");
}
