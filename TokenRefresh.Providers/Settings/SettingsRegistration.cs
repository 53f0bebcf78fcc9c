using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Providers.Settings;

/// <summary>The one way in which a section of the configuration becomes validated options.</summary>
public static class SettingsRegistration
{
    /// <summary>In place of known keys: the section is another's, who checks it.</summary>
    public const string AnyKey = "*";

    /// <summary>Binds <typeparamref name="T"/> to a section, checks every value at start, and refuses keys that nothing reads.</summary>
    /// <param name="services">The service collection.</param>
    /// <param name="section">The path, for example <c>TokenRefresh:Schedule</c>.</param>
    /// <param name="name">The options' name where several sections share one class; null for the default.</param>
    /// <param name="alsoKnown">Keys of the section that something else reads.</param>
    public static IServiceCollection AddSettings<T>(this IServiceCollection services, string section, string? name = null, params string[] alsoKnown)
        where T : class
    {
        services.AddSingleton<IReadOnlyList<SettingsBinder<T>>>(provider =>
            [new(provider.GetRequiredService<IConfiguration>().GetSection(section), name ?? Options.DefaultName, alsoKnown)]);
        services.AddOptions<T>(name).ValidateOnStart();
        return services.AddSingleton(new SettingsSection(section, typeof(T))).AddBinders<T>();
    }

    /// <summary>Binds <typeparamref name="T"/> to each of a section's children, by the child's name; thousands of them cost no more than their reading.</summary>
    /// <param name="services">The service collection.</param>
    /// <param name="section">The path above them, for example <c>Tokens</c>.</param>
    /// <param name="names">The children, which are the options' names too.</param>
    public static IServiceCollection AddSettingsOfEach<T>(this IServiceCollection services, string section, IReadOnlyList<string> names)
        where T : class
    {
        services.AddSingleton<IReadOnlyList<SettingsBinder<T>>>(provider =>
            [.. names.Select(name => new SettingsBinder<T>(provider.GetRequiredService<IConfiguration>().GetSection($"{section}:{name}"), name, []))]);
        foreach (var name in names)
        {
            services.AddSingleton(new SettingsSection(ConfigurationPath.Combine(section, name), typeof(T)));
        }

        services.AddOptions<EachOf<T>>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<EachOf<T>>>(provider => new EachIsValid<T>(provider.GetRequiredService<IOptionsMonitor<T>>(), names));
        return services.AddBinders<T>();
    }

    // Every binder answers for its own name only, so several of one class stand side by side behind one front.
    private static IServiceCollection AddBinders<T>(this IServiceCollection services)
        where T : class
    {
        if (services.All(service => service.ServiceType != typeof(IConfigureOptions<T>)))
        {
            services.AddSingleton<IConfigureOptions<T>, SettingsBinders<T>>();
            services.AddSingleton<IValidateOptions<T>, SettingsBinders<T>>();
        }

        return services;
    }

    /// <summary>Stands for all of them in the check at the start, which knows options one by one.</summary>
    private sealed class EachOf<T>;

    private sealed class EachIsValid<T>(IOptionsMonitor<T> options, IReadOnlyList<string> names) : IValidateOptions<EachOf<T>>
    {
        public ValidateOptionsResult Validate(string? name, EachOf<T> all) => names.SelectMany(Failures).ToArray() switch
        {
            [] => ValidateOptionsResult.Success,
            var failures => ValidateOptionsResult.Fail(failures),
        };

        private IEnumerable<string> Failures(string name)
        {
            try
            {
                options.Get(name);
                return [];
            }
            catch (OptionsValidationException wrong)
            {
                return wrong.Failures;
            }
        }
    }
}
