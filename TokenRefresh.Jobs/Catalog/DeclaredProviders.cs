using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Gives each provider of the settings its row. Secrets stay in the settings.</summary>
internal sealed class DeclaredProviders(ITokenProviders providers, ManagedProviders managed, IConfiguration configuration, NodeName node, TimeProvider clock) : IDatabaseSeed
{
    public async Task RunAsync(TokenRefreshDbContext db, bool marksStrays, CancellationToken cancellationToken)
    {
        var stored = await db.Providers.ToDictionaryAsync(provider => provider.Name, cancellationToken);
        var isFirst = stored.Count == 0;
        var declared = providers.All.Except(managed.All).ToList();
        foreach (var provider in declared)
        {
            var (type, settings) = Declared(provider.Name);
            var isNew = !stored.TryGetValue(provider.Name, out var row);
            if (row is { Origin: Origin.Managed } && row.Type != type)
            {
                throw new CatalogConflictException(
                    $"{ProviderOptions.Section}__{provider.Name} is declared with type {type}, and a provider of that name and of type {row.Type} was added at run time. Remove that one ('providers remove {provider.Name}'), or choose another name.");
            }

            row ??= db.Providers.Add(ProviderRow.New(provider.Name, Origin.Declared, clock.GetUtcNow())).Entity;
            if ((isNew || marksStrays)
                && row.Change(type, Origin.Declared, (provider.IsEnabled, provider.MissingSettings.Count == 0), settings, null, clock.GetUtcNow()) && !isFirst)
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

    private (string Type, string Settings) Declared(string name)
    {
        var section = configuration.GetSection($"{ProviderOptions.Section}:{name}");
        var stated = section["Type"] is { Length: > 0 } text ? text : name;
        var type = ProviderTypes.Find(stated);
        var plain = section.GetChildren()
            .Where(setting => setting.Value is { Length: > 0 } && !setting.Key.Equals("Type", StringComparison.OrdinalIgnoreCase) && type?.Setting(setting.Key) is not { IsSecret: true })
            .ToDictionary(setting => type?.Setting(setting.Key)?.Name ?? setting.Key, setting => setting.Value!);
        return (type?.Name ?? stated, JsonSerializer.Serialize(new SortedDictionary<string, string>(plain, StringComparer.Ordinal)));
    }
}
