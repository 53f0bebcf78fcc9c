using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Json;
using TokenRefresh.Providers;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Hosting;

/// <summary>A setting as it counts.</summary>
/// <param name="Key">In environment spelling.</param>
/// <param name="Value">As it may be shown; empty for none.</param>
/// <param name="Source">Where it comes from.</param>
internal sealed record EffectiveSetting(string Key, string Value, string Source);

/// <summary>Every setting with its effective value and where that comes from.</summary>
internal sealed class EffectiveSettings(IConfiguration configuration, IEnumerable<SettingsSection> sections, IHostEnvironment environment)
{
    private const string Default = "default", Environment = "environment";

    /// <summary>What may name the environment, in the order in which it counts.</summary>
    private static readonly string[] EnvironmentNames = [HostDefaults.EnvironmentKey, "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT"];

    private readonly IReadOnlyList<IConfigurationProvider> sources = [.. ((IConfigurationRoot)configuration).Providers.Reverse()];

    /// <summary>Those that the program reads, by section; then whatever else is set in its sections.</summary>
    public IReadOnlyList<EffectiveSetting> All()
    {
        var known = sections.SelectMany(section => section.Settings).DistinctBy(setting => setting.Key, StringComparer.OrdinalIgnoreCase).ToList();
        var keys = known.Select(setting => setting.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return
        [
            new("ASPNETCORE_ENVIRONMENT", environment.EnvironmentName, EnvironmentNames.Select(key => Find(key)?.Source).FirstOrDefault(source => source is not (null or Default)) ?? Default),
            Effective(new("AllowedHosts", "", SettingSecrecy.None)),
            .. known.Select(Effective).OrderBy(setting => setting.Key, StringComparer.OrdinalIgnoreCase),
            .. configuration.AsEnumerable().Where(pair => pair.Value is { Length: > 0 } && !keys.Contains(pair.Key) && IsOurs(pair.Key)).OrderBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase).Select(pair => Further(pair.Key)),
        ];
    }

    private EffectiveSetting Effective(KnownSetting setting)
    {
        var (value, source) = Find(setting.Key) is { Value.Length: > 0 } found ? found : (setting.Default, Default);
        return new(Spelled(setting.Key), Shown(setting, value), source);
    }

    // The log's levels and the types of providers, or a name that is misspelt: its value may be a secret.
    private EffectiveSetting Further(string key) => new(
        Spelled(key), key.StartsWith("Logging:", StringComparison.OrdinalIgnoreCase) || key.EndsWith(":Type", StringComparison.OrdinalIgnoreCase) ? configuration[key]! : "(hidden)", Find(key)!.Value.Source);

    private static bool IsOurs(string key) => key.Contains(ConfigurationPath.KeyDelimiter, StringComparison.Ordinal) && SectionNames.IsOurs(key);

    private static string Shown(KnownSetting setting, string value) => setting.Secrecy switch
    {
        _ when value.Length == 0 => "",
        SettingSecrecy.HostOnly => string.Join(", ", value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(HostOf)),
        SettingSecrecy.None => value,
        _ => setting.Key.StartsWith($"{ProviderOptions.Section}:", StringComparison.OrdinalIgnoreCase) ? MaskedCredential.Masked(value) : "(secret)",
    };

    private static string HostOf(string address) => Uri.TryCreate(address, UriKind.Absolute, out var uri) ? $"{uri.Scheme}://{uri.Authority.Split('@')[^1]}/…" : "…";

    private (string Value, string Source)? Find(string key)
    {
        foreach (var source in sources)
        {
            if (source.TryGet(key, out var value))
            {
                return (value?.Trim() ?? "", Name(source));
            }
        }

        return null;
    }

    private static string Name(IConfigurationProvider source) => source switch
    {
        IndexedSettings named => named.Name,
        JsonConfigurationProvider { Source.Path: { } path } => Path.GetFileName(path),
        EnvironmentVariablesConfigurationProvider or ChainedConfigurationProvider => Environment,
        _ => Default,
    };

    private static string Spelled(string key) => key.Replace(ConfigurationPath.KeyDelimiter, "__", StringComparison.Ordinal);
}
