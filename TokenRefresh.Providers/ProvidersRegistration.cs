using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.OAuth2;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>The providers of the settings.</summary>
public static class ProvidersRegistration
{
    /// <summary>Keys of a provider's section that are not its own type's.</summary>
    private static readonly string[] SharedKeys = ["Type", .. RenewalKeys];

    /// <summary>Keys of a provider's section that say when its tokens are renewed.</summary>
    public static IReadOnlyList<string> RenewalKeys => ["Threshold", "LifetimeFraction", "CriticalThreshold"];

    /// <summary>Adds every provider below <c>Providers</c>, and one of each type that has a documented address even where nothing is set.</summary>
    public static IServiceCollection AddTokenProviders(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ITokenProviders, TokenProviders>();
        services.AddSingleton<ManagedProviders>();
        services.AddSingleton<ProviderFactory>();
        services.AddSingleton<IssuerDiscovery>();
        services.AddOutgoingRequests();
        services.AddOptions<TypesOfAll>().ValidateOnStart();

        var section = configuration.GetSection(ProviderOptions.Section);
        var unset = ProviderTypes.All.Where(type => type.HasDocumentedAddress).Select(type => type.Name);
        foreach (var name in section.GetChildren().Select(child => child.Key).Concat(unset).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            var type = section[$"{name}:Type"] is { Length: > 0 } stated ? stated : name;
            if (ProviderTypes.Find(type) is { } known)
            {
                known.Add(services, name, false);
            }
            else
            {
                services.AddSingleton<IValidateOptions<TypesOfAll>>(new UnknownType(
                    $"{ProviderOptions.Section}__{name}__Type = '{section[$"{name}:Type"]}' is not allowed: one of {string.Join(", ", ProviderTypes.All.Select(each => each.Name))}."));
            }
        }

        return services;
    }

    internal static void AddProvider<TOptions, TProvider>(IServiceCollection services, string spelledName, bool isManaged)
        where TOptions : ProviderOptions
        where TProvider : class, ITokenProvider
    {
        var name = spelledName.ToLowerInvariant();
        services.AddSettings<TOptions>($"{ProviderOptions.Section}:{spelledName}", name, SharedKeys);
        services.AddSingleton<IValidateOptions<TOptions>>(new ProviderComplaints<TOptions>(name, spelledName));
        services.AddProviderClient<TOptions>(name, isManaged);
        services.AddSingleton<ITokenProvider>(provider => ActivatorUtilities.CreateInstance<TProvider>(
            provider,
            new ProviderParts<TOptions>(
                name, spelledName, provider.GetRequiredService<IOptionsMonitor<TOptions>>().Get(name), provider.GetRequiredService<IHttpClientFactory>(),
                provider.GetRequiredKeyedService<ProviderCircuit>(name), provider.GetRequiredService<TimeProvider>(), isManaged)));
    }

    /// <summary>Stands for the types of all providers, so that unknown ones are refused at start like any other wrong setting.</summary>
    private sealed class TypesOfAll;

    private sealed class UnknownType(string complaint) : IValidateOptions<TypesOfAll>
    {
        public ValidateOptionsResult Validate(string? name, TypesOfAll options) => ValidateOptionsResult.Fail(complaint);
    }
}

/// <summary>The providers that were made at run time, as the catalogue of this node knows them now.</summary>
public sealed class ManagedProviders
{
    private volatile IReadOnlyList<ITokenProvider> all = [];

    /// <summary>Every one.</summary>
    public IReadOnlyList<ITokenProvider> All => all;

    /// <summary>From now on there are these. Calls in flight end with those that they began with.</summary>
    public void Replace(IReadOnlyList<ITokenProvider> providers) => all = providers;
}

/// <summary>The declared and the managed providers together; of one name the managed one counts, as the declared one was moved into the database.</summary>
internal sealed class TokenProviders(IEnumerable<ITokenProvider> declared, ManagedProviders managed) : ITokenProviders
{
    private readonly IReadOnlyList<ITokenProvider> declared = [.. declared.OrderBy(provider => provider.Name, StringComparer.Ordinal)];
    private volatile Joining? joined;

    public IReadOnlyList<ITokenProvider> All
    {
        get
        {
            var now = managed.All;
            if (joined is not { } last || !ReferenceEquals(last.Managed, now))
            {
                joined = last = new(now, [.. now.UnionBy(declared, provider => provider.Name).OrderBy(provider => provider.Name, StringComparer.Ordinal)]);
            }

            return last.Joined;
        }
    }

    public ITokenProvider? Find(string name) => All.FirstOrDefault(provider => provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private sealed record Joining(IReadOnlyList<ITokenProvider> Managed, IReadOnlyList<ITokenProvider> Joined);
}
