using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Gives each provider of the settings its row. Secrets stay in the settings. One that was adopted stays as the database has it.</summary>
internal sealed partial class DeclaredProviders(
    ITokenProviders providers, ManagedProviders managed, DeclaredSettings settings, NodeName node, TimeProvider clock, ILogger<DeclaredProviders> log) : IDatabaseSeed
{
    public async Task RunAsync(TokenRefreshDbContext db, bool marksStrays, CancellationToken cancellationToken)
    {
        var stored = await db.Providers.ToDictionaryAsync(provider => provider.Name, cancellationToken);
        var isFirst = stored.Count == 0;
        var declared = providers.All.Except(managed.All).ToList();
        foreach (var provider in declared)
        {
            var (type, own) = settings.Of(provider.Name);
            var isNew = !stored.TryGetValue(provider.Name, out var row);
            if (row is { IsManaged: true } && row.Type != type.Name)
            {
                throw new CatalogConflictException(
                    $"{ProviderOptions.Section}__{provider.Name} is declared with type {type.Name}, and a provider of that name and of type {row.Type} was {(row.Origin == Origin.Adopted ? "moved into the database" : "added at run time")}. Remove that one ('providers remove {provider.Name}'), or choose another name.");
            }

            if (row is { Origin: Origin.Adopted })
            {
                if (marksStrays && settings.KeysOf(provider.Name) is { Count: > 0 } unused)
                {
                    LogUnused(provider.Name, string.Join(", ", unused));
                }

                continue;
            }

            row ??= db.Providers.Add(ProviderRow.New(provider.Name, Origin.Declared, clock.GetUtcNow())).Entity;
            if ((isNew || marksStrays)
                && row.Change(type.Name, Origin.Declared, (provider.IsEnabled, provider.MissingSettings.Count == 0), own.PlainJson, null, clock.GetUtcNow()) && !isFirst)
            {
                Audit(db, isNew ? "provider.declared" : "provider.changed", provider.Name);
            }
        }

        if (marksStrays)
        {
            foreach (var stray in stored.Values.Where(row => row.Origin == Origin.Declared && declared.TrueForAll(provider => provider.Name != row.Name)))
            {
                db.Providers.Remove(stray);
                Audit(db, "provider.undeclared", stray.Name);
            }
        }

        await db.SaveChangesAsync(cancellationToken);
    }

    private void Audit(TokenRefreshDbContext db, string action, string provider) => db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), $"node:{node.Value}", action, provider, new { }));

    [LoggerMessage(1303, LogLevel.Warning, "Provider {Provider} was moved into the database, so these settings of it are not used any more: {Keys}. Remove them")]
    private partial void LogUnused(string provider, string keys);
}
