using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Providers.OAuth2;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Adds, changes and removes managed providers. A change is checked and tried before it is stored; with it are stored its audit and the word to the other nodes.</summary>
public sealed class ProviderChanges(
    IDbContextFactory<TokenRefreshDbContext> contexts, LiveCatalog live, ITokenProviders providers, DeclaredSettings declared, IssuerDiscovery discovery, SecretProtection secrets, TimeProvider clock)
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
        if (RefuseName(name, type) is { } refused)
        {
            return refused;
        }

        var known = ProviderTypes.Find(type)!;
        if (providers.Find(name) is not null || await FindAsync(name, cancellationToken) is not null)
        {
            return Taken(name);
        }

        return await StoreAsync(ProviderRow.New(name, Origin.Managed, clock.GetUtcNow()), new(Origin.Managed, "provider.added"), known, ProviderSettings.None.With(known, settings), [.. settings.Keys], change, cancellationToken);
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
        return await StoreAsync(row, new(row.Origin, "provider.changed"), type, ProviderSettings.Of(row, secrets).With(type, settings), [.. settings.Keys], change, cancellationToken);
    }

    /// <summary>Makes the credential that follows the present one of a managed provider the present one. It is tried alone first.</summary>
    public async Task<CatalogResult> PromoteAsync(string name, CatalogChange change, CancellationToken cancellationToken)
    {
        var row = await FindAsync(name, cancellationToken);
        if (row is { Origin: Origin.Declared })
        {
            var lines = ProviderTypes.Find(row.Type)?.Successions.Select(pair => $"give {Key(row, pair.Present)} the value of {Key(row, pair.Next)} and remove the latter") ?? [];
            return new CatalogResult.Refused(CatalogRefusal.Declared, $"Provider {row.Name} is declared by the server's settings. There, {string.Join("; ", lines)}. Then restart.");
        }

        if (Refuse(row, name, change) is { } refused)
        {
            return refused;
        }

        var (type, settings) = (ProviderTypes.Find(row!.Type)!, ProviderSettings.Of(row, secrets));
        var succession = settings.Succession(type);
        return succession.Count == 0
            ? new CatalogResult.Refused(CatalogRefusal.Invalid, $"Provider {row.Name} has no next credential.{string.Concat(type.Successions.Select(pair => $" Set {pair.Next.Name} first, or {pair.Present.Name} itself.").Take(1))}")
            : await StoreAsync(row, new(row.Origin, "provider.promoted"), type, settings.With(type, succession), [.. succession.Keys], change, cancellationToken);

        static string Key(ProviderRow row, ProviderSetting setting) => $"{ProviderOptions.Section}__{row.Name}__{setting.Name}";
    }

    /// <summary>Removes a managed provider that no token needs. One that was adopted and that the settings of this server still name is theirs again.</summary>
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
            var theirs = row.Origin == Origin.Adopted ? declared.Find(row.Name) : null;
            var needed = theirs is { MissingSettings.Count: 0 } ? [] : await db.Tokens.Where(token => token.Provider == row.Name && token.Origin != Origin.Undeclared).OrderBy(token => token.Name).Select(token => token.Name).Take(MostNames + 1).ToListAsync(cancellationToken);
            if (needed.Count > 0)
            {
                return new CatalogResult.Refused(
                    CatalogRefusal.InUse, $"Provider {row.Name} is needed by {string.Join(", ", needed.Take(MostNames))}{(needed.Count > MostNames ? " and more" : "")}. Remove these tokens first.");
            }

            if (theirs is null)
            {
                db.Providers.Remove(row);
            }
            else
            {
                var (type, settings) = declared.Of(row.Name);
                row.Change(type.Name, Origin.Declared, (theirs.IsEnabled, theirs.MissingSettings.Count == 0), settings.PlainJson, null, clock.GetUtcNow());
            }

            if (await SaveAsync(db, row.Name, theirs is null ? "provider.removed" : "provider.returned", new { type = row.Type }, change.By) is { } lost)
            {
                return lost;
            }

            if (await transaction.EndAsync(db, row.Name, contexts, clock) is { } unknown)
            {
                return unknown;
            }
        }

        await live.CatchUpAsync();
        return new CatalogResult.Done("");
    }

    /// <summary>Tries a provider as it is: null where it issues a token, and otherwise why not.</summary>
    public async Task<ProviderFailure?> TestAsync(ITokenProvider provider, CancellationToken cancellationToken) => await CatalogTrials.TryAsync(provider, await OrderAsync(provider.Name, [], cancellationToken), cancellationToken);

    /// <summary>What is wrong with a provider before it is tried; null for nothing.</summary>
    internal async Task<CatalogResult.Refused?> CheckAsync(string name, ProviderType type, ProviderSettings settings, bool isUntested)
    {
        // What an issuer names is not asked for before it is stored.
        var (built, refused) = await MakeAsync(name, type, settings, isUntested || settings.Plain.ContainsKey(nameof(OAuth2Options.Issuer)));
        if (built is not null)
        {
            await built.DisposeAsync();
        }

        return refused;
    }

    /// <summary>What is wrong with the name or the type of a new provider; null for nothing.</summary>
    internal static CatalogResult.Refused? RefuseName(string name, string type) =>
        !CatalogNames.IsAllowed(name) ? new(CatalogRefusal.Invalid, $"A provider name has {CatalogNames.Allowed}.")
        : ProviderTypes.Find(type) is null ? new(CatalogRefusal.Invalid, $"type must be one of {string.Join(", ", ProviderTypes.All.Select(each => each.Name))}.")
        : null;

    /// <summary>Checks, tries and stores.</summary>
    internal async Task<CatalogResult> StoreAsync(
        ProviderRow row, Storing storing, ProviderType type, ProviderSettings settings, IReadOnlyList<string> named, CatalogChange change, CancellationToken cancellationToken)
    {
        var before = row.Version == 0 ? null : ProviderSettings.Of(row, secrets);
        (settings, var undiscovered) = await new DiscoveredSettings(discovery).FillAsync(type, before, settings, named, cancellationToken);
        if (undiscovered is not null)
        {
            return new CatalogResult.Refused(CatalogRefusal.Invalid, undiscovered);
        }

        var (built, refused) = await MakeAsync(row.Name, type, settings, change.IsUntested);
        if (built is null)
        {
            return refused!;
        }

        await using (built)
        {
            var provider = built.Provider;
            if (!change.IsUntested && provider.IsEnabled && await CatalogTrials.TryAsync(provider, await OrderAsync(row.Name, change.TrialScopes, cancellationToken), cancellationToken) is { } failure)
            {
                return new CatalogResult.Refused(CatalogRefusal.RefusedByProvider, $"The provider issued no token with these settings: {failure.Kind.Code()}: {failure.Reason}. Nothing was stored.");
            }

            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            await CatalogLocks.OfAsync(db, row.Name, cancellationToken);
            _ = before is null ? db.Providers.Add(row) : db.Providers.Attach(row);
            var sealedSecrets = before?.Secret.SequenceEqual(settings.Secret) == true ? row.Secrets : settings.Seal(row.Name, secrets);
            if (!row.Change(type.Name, storing.Origin, (provider.IsEnabled, provider.MissingSettings.Count == 0), settings.PlainJson, sealedSecrets, clock.GetUtcNow()))
            {
                return new CatalogResult.Done(TagOf(row), IsChanged: false);
            }

            var details = new { type = type.Name, settings = named.Order(StringComparer.Ordinal), untested = change.IsUntested };
            if (await SaveAsync(db, row.Name, storing.Action, details, change.By) is { } lost)
            {
                return lost;
            }

            if (await transaction.EndAsync(db, row.Name, contexts, clock) is { } unknown)
            {
                return unknown;
            }
        }

        await live.CatchUpAsync();
        return new CatalogResult.Done(TagOf(row));
    }

    private async Task<(BuiltProvider? Built, CatalogResult.Refused? Refused)> MakeAsync(string name, ProviderType type, ProviderSettings settings, bool isUntested)
    {
        if (settings.All.FirstOrDefault(setting => setting.Value.Length > LongestValue) is { Key: not null } tooLong)
        {
            return (null, new(CatalogRefusal.Invalid, $"{tooLong.Key} is longer than {LongestValue} characters."));
        }

        switch (live.Build(name, type, settings))
        {
            case ProviderBuild.Built({ Provider: { IsEnabled: true, MissingSettings: { Count: > 0 } missing } } built) when !isUntested:
                await built.DisposeAsync();
                return (null, new(CatalogRefusal.Invalid, $"Missing: {string.Join(", ", missing.Select(setting => setting.Split(' ')[0]))}."));
            case ProviderBuild.Built(var built):
                return (built, null);
            case ProviderBuild.Refused(var complaints):
                return (null, new(CatalogRefusal.Invalid, complaints));
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    // As one of its own tokens is asked for, where it has one: a provider may issue nothing without a scope.
    private async Task<TokenOrder> OrderAsync(string provider, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var token = await db.Tokens.AsNoTracking().Where(token => token.Provider == provider && token.Grant == Grant.ClientCredentials && token.IsActive)
            .OrderBy(token => token.Name).Select(token => new { token.Name, token.Scopes, token.Parameters }).FirstOrDefaultAsync(cancellationToken);
        return token is null ? CatalogTrials.Any(provider, scopes) : new(token.Name, token.Scopes, Grant.ClientCredentials, TokenDefinition.Pairs(token.Parameters));
    }

    internal static CatalogResult.Refused? Refuse(ProviderRow? row, string name, CatalogChange change) => row switch
    {
        null => Unknown(name),
        { Origin: Origin.Declared } => new(CatalogRefusal.Declared, $"Provider {row.Name} is declared by the server's settings ({ProviderOptions.Section}__{row.Name}__…). Change it there and restart, or move it into the database: providers adopt {row.Name}."),
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

    internal static CatalogResult.Refused Unknown(string name) => new(CatalogRefusal.Unknown, $"There is no provider {name}.");

    internal static CatalogResult.Refused Stale(string name) => new(CatalogRefusal.Stale, $"Provider {name} was changed meanwhile. Read it again, and repeat the change.");

    private static CatalogResult.Refused Taken(string name) => new(CatalogRefusal.Taken, $"A provider {name} exists already.");

    /// <summary>What a row becomes.</summary>
    /// <param name="Action">As the audit calls it.</param>
    internal readonly record struct Storing(Origin Origin, string Action);
}
