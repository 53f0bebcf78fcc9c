using System.Text;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>A configured token with the provider that issues it and the rule by which it is renewed.</summary>
/// <param name="Order">What is asked of the provider.</param>
/// <param name="Provider">Who is asked.</param>
/// <param name="Rule">When it is renewed.</param>
/// <param name="CriticalThreshold">With less life left than this, a failing token is critical.</param>
public sealed record ConfiguredToken(TokenOrder Order, ITokenProvider Provider, RenewalRule Rule, TimeSpan CriticalThreshold)
{
    /// <summary>The token's name.</summary>
    public string Name => Order.Name;

    /// <summary>Everything in the settings that can make a refused call succeed: address, credentials, scopes, parameters. Holds a digest of secrets, so it is only for <see cref="SecretProtection.Fingerprint"/>.</summary>
    internal byte[] Settings =>
    [
        .. Provider.SettingsDigest,
        .. Encoding.UTF8.GetBytes($"{string.Join(',', Order.Scopes)}|{Order.Grant}|{string.Join(',', Order.Parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal))}"),
    ];

    /// <summary>Why no call can be made for it, or null when one can.</summary>
    public string? NotConfiguredBecause =>
        !Provider.IsEnabled ? $"provider {Provider.Name} is switched off"
        : Provider.MissingSettings.Count > 0 ? $"set {string.Join(", ", Provider.MissingSettings)}"
        : null;
}

/// <summary>The tokens of the settings, found by name.</summary>
public sealed class ConfiguredTokens
{
    private readonly Dictionary<string, ConfiguredToken> byName;

    /// <summary>Joins the settings of tokens, providers and renewal, which were validated at start.</summary>
    public ConfiguredTokens(
        TokenNames names,
        IOptionsMonitor<TokenSettings> settings,
        IOptions<RenewalOptions> renewal,
        IOptions<CriticalOptions> critical,
        IOptionsMonitor<ProviderRenewalOptions> ownRules,
        ITokenProviders providers)
    {
        byName = names.All.ToDictionary(name => name, Configure, StringComparer.OrdinalIgnoreCase);
        All = [.. byName.Values.OrderBy(token => token.Name, StringComparer.Ordinal)];

        ConfiguredToken Configure(string name)
        {
            var token = settings.Get(name);
            var provider = providers.Find(token.Provider)
                ?? throw new InvalidOperationException($"The settings of token {name} were not validated.");
            var own = ownRules.Get(provider.Name);
            return new(
                new(name, SplitList(token.Scopes), token.Grant, PairsRuleAttribute.Read(token.Parameters)),
                provider,
                new(own.Threshold ?? renewal.Value.Threshold, own.LifetimeFraction ?? renewal.Value.LifetimeFraction),
                own.CriticalThreshold ?? critical.Value.CriticalThreshold);
        }
    }

    /// <summary>Every configured token, ordered by name.</summary>
    public IReadOnlyList<ConfiguredToken> All { get; }

    /// <summary>The token of that name in any case, or null.</summary>
    public ConfiguredToken? Find(string name) => byName.GetValueOrDefault(name);

    private static string[] SplitList(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>The names below <c>Tokens</c>, in lower case: configuration keys have no case of their own.</summary>
public sealed record TokenNames(IReadOnlyList<string> All);
