using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Finnotech;
using TokenRefresh.Providers.Jibit;
using TokenRefresh.Providers.OAuth2;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>One setting of a provider type.</summary>
/// <param name="Name">As it is written in a settings file, for example <c>ClientSecret</c>.</param>
/// <param name="IsSecret">True where the value is written and never read back.</param>
/// <param name="Type">The type of the value.</param>
public sealed record ProviderSetting(string Name, bool IsSecret, Type Type)
{
    /// <summary>True where no call can be made without it, unless another setting says otherwise.</summary>
    public bool IsRequired { get; init; }

    /// <summary>The value where nothing is set, as it is written in a settings file; null for none.</summary>
    public string? Default { get; init; }
}

/// <summary>A type of providers, such as <c>OAuth2</c>.</summary>
public sealed class ProviderType
{
    private ProviderType(string name, bool hasDocumentedAddress, ProviderOptions unset, Action<IServiceCollection, string, bool> add)
    {
        var required = unset.Required.Select(setting => setting.Setting).ToHashSet(StringComparer.Ordinal);
        (Name, HasDocumentedAddress, Add) = (name, hasDocumentedAddress, add);
        Settings =
        [
            .. unset.GetType().GetProperties().Where(property => property.CanWrite).Select(property => new ProviderSetting(property.Name, property.IsDefined(typeof(SecretSettingAttribute)), property.PropertyType)
            {
                IsRequired = required.Contains(property.Name),
                Default = Convert.ToString(property.GetValue(unset), CultureInfo.InvariantCulture) is { Length: > 0 } value ? value : null,
            }),
        ];
    }

    /// <summary>As the setting <c>Type</c> names it.</summary>
    public string Name { get; }

    /// <summary>The settings of this type, without those that say when its tokens are renewed.</summary>
    public IReadOnlyList<ProviderSetting> Settings { get; }

    /// <summary>True where the type stands for one provider, whose address is documented: it is there even if nothing of it is set.</summary>
    public bool HasDocumentedAddress { get; }

    /// <summary>Registers one provider under a name; the flag tells a managed one from a declared one.</summary>
    internal Action<IServiceCollection, string, bool> Add { get; }

    /// <summary>The setting of that name in any case, or null.</summary>
    public ProviderSetting? Setting(string name) => Settings.FirstOrDefault(setting => setting.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The settings that hold a credential, each with the one that holds what follows it, for example <c>ClientSecret</c> and <c>NextClientSecret</c>.</summary>
    public IReadOnlyList<(ProviderSetting Present, ProviderSetting Next)> Successions =>
        [.. Settings.Where(setting => setting.IsSecret).Select(setting => (Present: setting, Next: Setting($"Next{setting.Name}"))).Where(pair => pair.Next is not null).Select(pair => (pair.Present, pair.Next!))];

    internal static ProviderType Of<TOptions, TProvider>(string name, bool hasDocumentedAddress)
        where TOptions : ProviderOptions, new()
        where TProvider : class, ITokenProvider =>
        new(name, hasDocumentedAddress, new TOptions(), ProvidersRegistration.AddProvider<TOptions, TProvider>);
}

/// <summary>The types that there are. A new one is a folder and one line here.</summary>
public static class ProviderTypes
{
    /// <summary>Every type.</summary>
    public static IReadOnlyList<ProviderType> All { get; } =
    [
        ProviderType.Of<JibitOptions, JibitProvider>("Jibit", hasDocumentedAddress: true),
        ProviderType.Of<FinnotechOptions, FinnotechProvider>("Finnotech", hasDocumentedAddress: true),
        ProviderType.Of<OAuth2Options, OAuth2Provider>("OAuth2", hasDocumentedAddress: false),
    ];

    /// <summary>The type of that name in any case, or null.</summary>
    public static ProviderType? Find(string name) => All.FirstOrDefault(type => type.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
