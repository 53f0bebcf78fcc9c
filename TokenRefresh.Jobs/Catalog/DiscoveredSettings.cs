using TokenRefresh.Providers;
using TokenRefresh.Providers.OAuth2;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Fills what an issuer was given for: the addresses that are not set, and how the client authenticates.</summary>
internal sealed class DiscoveredSettings(IssuerDiscovery discovery)
{
    /// <summary>True for a setting that was filled for the issuer that the provider keeps: leaving it out of a list of all settings does not take it away.</summary>
    public static bool Keeps(string setting, ProviderSettings before, IReadOnlyDictionary<string, string?> wanted) =>
        setting is nameof(OAuth2Options.TokenUrl) or nameof(OAuth2Options.ClientAuthentication)
        && before.Plain.TryGetValue(nameof(OAuth2Options.Issuer), out var issuer) && wanted.GetValueOrDefault(nameof(OAuth2Options.Issuer)) == issuer;

    /// <summary>The settings with what the issuer names; those that were given win. The sentence says why not, and is null where nothing is wrong.</summary>
    /// <param name="before">The settings until now; null for a new provider.</param>
    /// <param name="named">The settings that this change names.</param>
    public async Task<(ProviderSettings Settings, string? Refusal)> FillAsync(
        ProviderType type, ProviderSettings? before, ProviderSettings settings, IReadOnlyList<string> named, CancellationToken cancellationToken)
    {
        if (!settings.Plain.TryGetValue(nameof(OAuth2Options.Issuer), out var issuer) || type.Setting(nameof(OAuth2Options.Issuer)) is null)
        {
            return (settings, null);
        }

        var isOther = issuer != before?.Plain.GetValueOrDefault(nameof(OAuth2Options.Issuer));
        if (!IsOpen(nameof(OAuth2Options.TokenUrl)))
        {
            return (settings, null);
        }

        return await discovery.AskAsync(issuer, cancellationToken) switch
        {
            DiscoveryResult.Found(var found) => (settings.With(type, found.Where(setting => IsOpen(setting.Key)).Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))), null),
            DiscoveryResult.Failed(var reason) => (settings, reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

        // The token address of another issuer goes with it.
        bool IsOpen(string setting) => !settings.Plain.ContainsKey(setting)
            || (isOther && setting == nameof(OAuth2Options.TokenUrl) && !named.Contains(setting, StringComparer.OrdinalIgnoreCase));
    }
}
