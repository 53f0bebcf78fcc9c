using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Finnotech;
using TokenRefresh.Providers.Jibit;
using TokenRefresh.Providers.OAuth2;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>The providers of the settings. A new type is a folder and one line in <see cref="Types"/>.</summary>
public static class ProvidersRegistration
{
    /// <summary>Keys of a provider's section that are not its own type's.</summary>
    private static readonly string[] SharedKeys = ["Type", "Threshold", "LifetimeFraction", "CriticalThreshold"];

    private static readonly Dictionary<string, (bool IsThereUnset, Action<IServiceCollection, string> Add)> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Jibit"] = (true, (services, name) => services.AddProvider<JibitOptions, JibitProvider>(name)),
        ["Finnotech"] = (true, (services, name) => services.AddProvider<FinnotechOptions, FinnotechProvider>(name)),
        ["OAuth2"] = (false, (services, name) => services.AddProvider<OAuth2Options, OAuth2Provider>(name)),
    };

    /// <summary>Adds every provider below <c>Providers</c>, and one of each type that has a documented address even where nothing is set.</summary>
    public static IServiceCollection AddTokenProviders(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ITokenProviders, TokenProviders>();
        services.AddOutgoingRequests();
        services.AddOptions<ProviderTypes>().ValidateOnStart();

        var section = configuration.GetSection(ProviderOptions.Section);
        var unset = Types.Where(type => type.Value.IsThereUnset).Select(type => type.Key);
        foreach (var name in section.GetChildren().Select(child => child.Key).Concat(unset).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            var type = section[$"{name}:Type"] is { Length: > 0 } stated ? stated : name;
            if (Types.TryGetValue(type, out var known))
            {
                known.Add(services, name);
            }
            else
            {
                services.AddSingleton<IValidateOptions<ProviderTypes>>(new UnknownType(
                    $"{ProviderOptions.Section}__{name}__Type = '{section[$"{name}:Type"]}' is not allowed: one of {string.Join(", ", Types.Keys)}."));
            }
        }

        return services;
    }

    private static void AddProvider<TOptions, TProvider>(this IServiceCollection services, string spelledName)
        where TOptions : ProviderOptions
        where TProvider : class, ITokenProvider
    {
        var name = spelledName.ToLowerInvariant();
        services.AddSettings<TOptions>($"{ProviderOptions.Section}:{spelledName}", name, SharedKeys);
        services.AddProviderClient<TOptions>(name);
        services.AddSingleton<ITokenProvider>(provider => ActivatorUtilities.CreateInstance<TProvider>(
            provider,
            new ProviderParts<TOptions>(
                name, spelledName, provider.GetRequiredService<IOptionsMonitor<TOptions>>().Get(name), provider.GetRequiredService<IHttpClientFactory>(),
                provider.GetRequiredKeyedService<ProviderCircuit>(name), provider.GetRequiredService<TimeProvider>())));
    }

    /// <summary>Stands for the types of all providers, so that unknown ones are refused at start like any other wrong setting.</summary>
    private sealed class ProviderTypes;

    private sealed class UnknownType(string complaint) : IValidateOptions<ProviderTypes>
    {
        public ValidateOptionsResult Validate(string? name, ProviderTypes options) => ValidateOptionsResult.Fail(complaint);
    }
}

/// <summary>The catalogue of configured providers.</summary>
internal sealed class TokenProviders(IEnumerable<ITokenProvider> providers) : ITokenProviders
{
    public IReadOnlyList<ITokenProvider> All { get; } = [.. providers.OrderBy(provider => provider.Name, StringComparer.Ordinal)];

    public ITokenProvider? Find(string name) => All.FirstOrDefault(provider => provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
