using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace TokenRefresh.Providers.Settings;

/// <summary>How much of a setting's value may be printed.</summary>
public enum SettingSecrecy
{
    /// <summary>All of it.</summary>
    None,

    /// <summary>Of an address its host alone.</summary>
    HostOnly,

    /// <summary>Nothing, or the last four characters.</summary>
    Secret,
}

/// <summary>A setting that the program reads.</summary>
/// <param name="Key">In configuration spelling, for example <c>TokenRefresh:Queue:Workers</c>.</param>
/// <param name="Default">What counts where it is not set; empty for nothing.</param>
public sealed record KnownSetting(string Key, string Default, SettingSecrecy Secrecy);

/// <summary>A section that was registered with <see cref="SettingsRegistration"/>: the one list of the settings that there are.</summary>
public sealed class SettingsSection
{
    private readonly string path;
    private readonly Type options;

    internal SettingsSection(string path, Type options) => (this.path, this.options) = (path, options);

    /// <summary>Its settings, in the order of their declaration.</summary>
    public IEnumerable<KnownSetting> Settings
    {
        get
        {
            var defaults = Activator.CreateInstance(options);
            return options.GetProperties().Where(property => property.CanWrite).Select(property => new KnownSetting(
                ConfigurationPath.Combine(path, property.Name), Text(property.GetValue(defaults)),
                property.IsDefined(typeof(SecretSettingAttribute)) ? SettingSecrecy.Secret : property.IsDefined(typeof(SecretAddressAttribute)) ? SettingSecrecy.HostOnly : SettingSecrecy.None));
        }
    }

    // As it is written in a settings file.
    private static string Text(object? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => $"{value}",
    };
}
