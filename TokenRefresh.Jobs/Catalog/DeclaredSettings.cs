using Microsoft.Extensions.Configuration;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Providers of the settings whose place a stand-in takes, as their credentials are not set; by name, in any case.</summary>
public sealed record StandIns(IReadOnlyList<string> Names);

/// <summary>What the settings of this server say of each provider.</summary>
public sealed class DeclaredSettings(IConfiguration configuration, IEnumerable<ITokenProvider> declared, StandIns standIns)
{
    private const string TypeKey = "Type";

    /// <summary>The provider as the settings have it, whatever the database says; null where they do not name it.</summary>
    public ITokenProvider? Find(string name) => declared.FirstOrDefault(provider => provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>True where a stand-in answers for it.</summary>
    public bool IsStoodIn(string name) => standIns.Names.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Its type and its settings, secrets included.</summary>
    internal (ProviderType Type, ProviderSettings Settings) Of(string name)
    {
        var section = Section(name);
        var type = ProviderTypes.Find(section[TypeKey] is { Length: > 0 } stated ? stated : name) ?? throw new InvalidOperationException($"The settings of provider {name} were not validated.");
        return (type, ProviderSettings.None.With(type, Given(name).Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value!.Trim()))));
    }

    /// <summary>The settings of it that have a value, in their environment spelling, without the type: that one is needed as long as the settings name tokens of it.</summary>
    public IReadOnlyList<string> KeysOf(string name) => IsStoodIn(name) ? [] : [.. Given(name).Select(setting => setting.Path.Replace(":", "__", StringComparison.Ordinal))];

    private IEnumerable<IConfigurationSection> Given(string name) =>
        Section(name).GetChildren().Where(setting => !string.IsNullOrWhiteSpace(setting.Value) && !setting.Key.Equals(TypeKey, StringComparison.OrdinalIgnoreCase));

    private IConfigurationSection Section(string name) => configuration.GetSection($"{ProviderOptions.Section}:{name}");
}
