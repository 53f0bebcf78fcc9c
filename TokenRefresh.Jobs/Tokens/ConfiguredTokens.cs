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

    /// <summary>Everything in the provider's settings that can make a refused call succeed: address and credentials. Holds a digest of secrets, so it is only for <see cref="SecretProtection.Fingerprint"/>.</summary>
    internal byte[] Settings => Provider.SettingsDigest;

    /// <summary>Why no call can be made for it, or null when one can.</summary>
    public string? NotConfiguredBecause =>
        Provider is UnknownProvider ? $"provider {Provider.Name} is not known to this node"
        : !Provider.IsEnabled ? $"provider {Provider.Name} is switched off"
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

    /// <summary>The settings named it once and do not any more. Its row is kept with what is stored of it, and is neither served nor refreshed nor listed.</summary>
    Undeclared,

    /// <summary>Of a provider: the settings named it first, and it was moved into the database. It is managed, and what the settings still say of it is not used.</summary>
    Adopted,
}

/// <summary>The words for who made something.</summary>
public static class Origins
{
    /// <summary>Such as <c>declared</c> or <c>managed</c>.</summary>
    public static string Word(this Origin origin) => (origin == Origin.Adopted ? Origin.Managed : origin).ToString().ToLowerInvariant();
}

/// <summary>The tokens that the settings declare, and what joins any token's row with its provider and the rule by which it is renewed.</summary>
public sealed class ConfiguredTokens
{
    private static readonly ReadOnlyDictionary<string, string> NoPairs = ReadOnlyDictionary<string, string>.Empty;

    private readonly FrozenDictionary<string, ConfiguredToken> byName;
    private readonly RenewalRule generalRule;
    private readonly TimeSpan generalThreshold;
    private readonly Func<string, ProviderRenewalOptions> declaredRule;
    private readonly ITokenProviders providers;
    private volatile FrozenDictionary<string, ProviderRenewalOptions> managedRules = FrozenDictionary<string, ProviderRenewalOptions>.Empty;

    /// <summary>Joins the settings of tokens, providers and renewal, which were validated at start.</summary>
    public ConfiguredTokens(
        TokenNames names,
        IOptionsMonitor<TokenSettings> settings,
        IOptions<RenewalOptions> renewal,
        IOptions<CriticalOptions> critical,
        IOptionsMonitor<ProviderRenewalOptions> ownRules,
        ITokenProviders providers)
    {
        (generalRule, generalThreshold, declaredRule, this.providers) = (new(renewal.Value.Threshold, renewal.Value.LifetimeFraction), critical.Value.CriticalThreshold, ownRules.Get, providers);
        All = [.. names.All.Select(Configure).OrderBy(token => token.Name, StringComparer.Ordinal)];
        byName = All.ToFrozenDictionary(token => token.Name, StringComparer.OrdinalIgnoreCase);

        ConfiguredToken Configure(string name)
        {
            var token = settings.Get(name);
            var provider = providers.Find(token.Provider)
                ?? throw new InvalidOperationException($"The settings of token {name} were not validated.");
            return Join(new(name, SplitList(token.Scopes), token.Grant, PairsRuleAttribute.Read(token.Parameters)), provider);
        }
    }

    /// <summary>Happens once other managed providers are there, or some have other settings.</summary>
    internal event Action? Changed;

    /// <summary>Every token that the settings declare, ordered by name.</summary>
    public IReadOnlyList<ConfiguredToken> All { get; }

    /// <summary>The declared token of that name in any case, or null.</summary>
    public ConfiguredToken? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>A stored token with its provider, and the rule by which it is renewed.</summary>
    public ConfiguredToken Of(Token row) => Of(row.Name, row.Definition);

    /// <summary>A token of that definition with its provider, and the rule by which it is renewed.</summary>
    internal ConfiguredToken Of(string name, TokenDefinition definition) =>
        Join(new(name, definition.Scopes, definition.Grant, PairsOf(definition.Parameters)), providers.Find(definition.Provider) ?? new UnknownProvider(definition.Provider))
            with { Origin = definition.Origin, Labels = PairsOf(definition.Labels) };

    /// <summary>The same token with its provider as that is now.</summary>
    internal ConfiguredToken Renew(ConfiguredToken token) =>
        Join(token.Order, providers.Find(token.Provider.Name) ?? new UnknownProvider(token.Provider.Name)) with { Origin = token.Origin, Labels = token.Labels };

    /// <summary>From now on these are the renewal rules of the managed providers.</summary>
    internal void Follow(IReadOnlyDictionary<string, ProviderRenewalOptions> rules)
    {
        managedRules = rules.ToFrozenDictionary(StringComparer.Ordinal);
        Changed?.Invoke();
    }

    /// <summary>With less life left than this, a failing token of that provider is critical.</summary>
    internal TimeSpan CriticalThresholdOf(ITokenProvider provider) => OwnRuleOf(provider).CriticalThreshold ?? generalThreshold;

    private ProviderRenewalOptions OwnRuleOf(ITokenProvider provider) => provider.IsManaged && managedRules.TryGetValue(provider.Name, out var managed) ? managed : declaredRule(provider.Name);

    private ConfiguredToken Join(TokenOrder order, ITokenProvider provider)
    {
        var own = OwnRuleOf(provider);
        return new(
            order, provider, new(own.Threshold ?? generalRule.Threshold, own.LifetimeFraction ?? generalRule.LifetimeFraction), own.CriticalThreshold ?? generalThreshold);
    }

    private static IReadOnlyDictionary<string, string> PairsOf(string json) => json == "{}" ? NoPairs : TokenDefinition.Pairs(json);

    private static string[] SplitList(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>The names below <c>Tokens</c>, in lower case: configuration keys have no case of their own.</summary>
public sealed record TokenNames(IReadOnlyList<string> All);
