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
        services.AddSingleton<SettingsBinder<T>>(provider =>
            new(provider.GetRequiredService<IConfiguration>().GetSection(section), name ?? Options.DefaultName, alsoKnown));
        services.AddOptions<T>(name).ValidateOnStart();

        // Every binder answers for its own name only, so several of one class stand side by side behind one front.
        if (services.All(service => service.ServiceType != typeof(IConfigureOptions<T>)))
        {
            services.AddSingleton<IConfigureOptions<T>, SettingsBinders<T>>();
            services.AddSingleton<IValidateOptions<T>, SettingsBinders<T>>();
        }

        return services;
    }
}
