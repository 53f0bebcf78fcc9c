using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Moves a declared provider into the database, with its settings and secrets as this server has them. From then on it is managed, whatever the settings still say of it.</summary>
public sealed class ProviderAdoption(ProviderChanges changes, DeclaredSettings declared)
{
    /// <summary>True where a provider of that name can be adopted here: the settings of this server name it, and have its credentials.</summary>
    public bool Offers(ProviderRow row) => row.Origin == Origin.Declared && Refuse(row, row.Name, new("")) is null;

    /// <summary>The settings of an adopted provider that this server still has and does not use, in their environment spelling.</summary>
    public IReadOnlyList<string> UnusedSettings(ProviderRow row) => row.Origin == Origin.Adopted ? declared.KeysOf(row.Name) : [];

    /// <summary>Makes a declared provider managed. It is tried first, as every other change: a managed provider may not be reached at all addresses that a declared one may.</summary>
    public async Task<CatalogResult> AdoptAsync(string name, CatalogChange change, CancellationToken cancellationToken)
    {
        var row = await changes.FindAsync(name, cancellationToken);
        if (Refuse(row, name, change) is { } refused)
        {
            return refused;
        }

        var (type, settings) = declared.Of(row!.Name);
        return await changes.StoreAsync(row, new(Origin.Adopted, "provider.adopted"), type, settings, [.. settings.All.Keys], change, cancellationToken);
    }

    private CatalogResult.Refused? Refuse(ProviderRow? row, string name, CatalogChange change) => row switch
    {
        null => ProviderChanges.Unknown(name),
        { IsManaged: true } => new(CatalogRefusal.Managed, $"Provider {row.Name} is managed already. Change it with 'providers set', the API or the panel."),
        _ when change.Tag is { } tag && tag != ProviderChanges.TagOf(row) => ProviderChanges.Stale(row.Name),
        _ when declared.Find(row.Name) is not { } provider => new(CatalogRefusal.Invalid, $"The settings of this server do not name provider {row.Name}. Adopt it where they do."),
        _ when declared.IsStoodIn(row.Name) => new(
            CatalogRefusal.Invalid, $"The sandbox stands in for provider {row.Name}, so there are no credentials to move. Set its credentials first, or switch the sandbox off."),
        _ when declared.Find(row.Name)!.MissingSettings is { Count: > 0 } missing => new(
            CatalogRefusal.Invalid, $"Provider {row.Name} is not configured, so there is nothing to move. Set {string.Join(", ", missing)} first."),
        _ => null,
    };
}
