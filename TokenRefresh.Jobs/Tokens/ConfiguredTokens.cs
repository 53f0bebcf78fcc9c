using System.Collections.Frozen;
using System.Collections.ObjectModel;
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
    /// <summary>Who made it.</summary>
    public Origin Origin { get; init; }

    /// <summary>What people note about it, by key; no secrets.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = ReadOnlyDictionary<string, string>.Empty;

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

/// <summary>Who made a provider or a token.</summary>
public enum Origin
{
    /// <summary>The settings of the server name it; it is changed there and nowhere else.</summary>
    Declared,

    /// <summary>It was made while the server ran, by a person or a program, and is changed in the same way.</summary>
    Managed,
}

/// <summary>The tokens that there are on this node now, declared and managed, found by name.</summary>
public sealed class ConfiguredTokens
{
    private readonly IReadOnlyList<ConfiguredToken> declared;
    private readonly RenewalRule generalRule;
    private readonly TimeSpan generalThreshold;
    private readonly Func<string, ProviderRenewalOptions> ownRule;
    private volatile Snapshot now;

    /// <summary>Joins the settings of tokens, providers and renewal, which were validated at start. Managed tokens come with <see cref="Replace"/>.</summary>
    public ConfiguredTokens(
        TokenNames names,
        IOptionsMonitor<TokenSettings> settings,
        IOptions<RenewalOptions> renewal,
        IOptions<CriticalOptions> critical,
        IOptionsMonitor<ProviderRenewalOptions> ownRules,
        ITokenProviders providers)
    {
        (generalRule, generalThreshold, ownRule) = (new(renewal.Value.Threshold, renewal.Value.LifetimeFraction), critical.Value.CriticalThreshold, ownRules.Get);
        declared = [.. names.All.Select(Configure)];
        now = new(declared);

        ConfiguredToken Configure(string name)
        {
            var token = settings.Get(name);
            var provider = providers.Find(token.Provider)
                ?? throw new InvalidOperationException($"The settings of token {name} were not validated.");
            return Join(new(name, SplitList(token.Scopes), token.Grant, PairsRuleAttribute.Read(token.Parameters)), provider, own: null);
        }
    }

    /// <summary>Happens once other tokens are there, or some are configured otherwise.</summary>
    internal event Action? Changed;

    /// <summary>Every token, ordered by name.</summary>
    public IReadOnlyList<ConfiguredToken> All => now.All;

    /// <summary>Those that the settings name.</summary>
    internal IReadOnlyList<ConfiguredToken> Declared => declared;

    /// <summary>The token of that name in any case, or null.</summary>
    public ConfiguredToken? Find(string name) => now.ByName.GetValueOrDefault(name);

    /// <summary>What is asked of a provider, with the rule by which the answer is renewed.</summary>
    /// <param name="own">The provider's own rule; null where the settings of the server have it.</param>
    internal ConfiguredToken Join(TokenOrder order, ITokenProvider provider, ProviderRenewalOptions? own)
    {
        own ??= ownRule(provider.Name);
        return new(
            order, provider, new(own.Threshold ?? generalRule.Threshold, own.LifetimeFraction ?? generalRule.LifetimeFraction), own.CriticalThreshold ?? generalThreshold);
    }

    /// <summary>From now on these are the managed tokens; of one name the declared one counts.</summary>
    internal void Replace(IEnumerable<ConfiguredToken> managed)
    {
        now = new([.. declared.UnionBy(managed, token => token.Name, StringComparer.OrdinalIgnoreCase)]);
        Changed?.Invoke();
    }

    private sealed class Snapshot(IReadOnlyList<ConfiguredToken> tokens)
    {
        public IReadOnlyList<ConfiguredToken> All { get; } = [.. tokens.OrderBy(token => token.Name, StringComparer.Ordinal)];

        public FrozenDictionary<string, ConfiguredToken> ByName { get; } = tokens.ToFrozenDictionary(token => token.Name, StringComparer.OrdinalIgnoreCase);
    }

    private static string[] SplitList(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>The names below <c>Tokens</c>, in lower case: configuration keys have no case of their own.</summary>
public sealed record TokenNames(IReadOnlyList<string> All);
