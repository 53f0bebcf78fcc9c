using System.Collections.Frozen;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Providers.Settings;

/// <summary>Reads one section into one options class, value by value, so that every wrong one is named with what is allowed.</summary>
internal sealed class SettingsBinder<T>(IConfigurationSection section, string name, IReadOnlyCollection<string> alsoKnown)
    where T : class
{
    private static readonly PropertyInfo[] Properties = [.. typeof(T).GetProperties().Where(property => property.CanWrite)];

    public string Name => name;

    public void Bind(T options)
    {
        foreach (var property in Properties)
        {
            if (Raw(property) is not null && TryConvert(property, out var value))
            {
                property.SetValue(options, value);
            }
        }
    }

    public IEnumerable<string> Check(T options)
    {
        foreach (var property in Properties)
        {
            if (Raw(property) is not null && !TryConvert(property, out _))
            {
                yield return Wrong(property, Expected(property.PropertyType));
                continue;
            }

            foreach (var rule in property.GetCustomAttributes<ValidationAttribute>().Where(rule => !rule.IsValid(property.GetValue(options))))
            {
                yield return Wrong(property, rule.FormatErrorMessage(property.Name));
            }
        }

        foreach (var key in section.GetChildren().Select(child => child.Key).Where(key => !IsKnown(key)))
        {
            yield return $"{Key(key)} is not a setting; {section.Path.Replace(":", "__", StringComparison.Ordinal)} has {string.Join(", ", Properties.Select(property => property.Name).Concat(alsoKnown))}.";
        }
    }

    private bool IsKnown(string key) =>
        alsoKnown.Contains(SettingsRegistration.AnyKey)
        || Properties.Select(property => property.Name).Concat(alsoKnown).Contains(key, StringComparer.OrdinalIgnoreCase);

    // An empty environment variable means "not set", as in a shell; only text settings can be empty.
    private string? Raw(PropertyInfo property) => section[property.Name] switch
    {
        "" when property.PropertyType != typeof(string) => null,
        var raw => raw?.Trim(),
    };

    private bool TryConvert(PropertyInfo property, out object? value)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var raw = Raw(property)!;
        try
        {
            value = type switch
            {
                _ when type == typeof(string) => raw,
                _ when type == typeof(TimeSpan) => TimeSpan.Parse(raw, CultureInfo.InvariantCulture),
                _ when type.IsEnum => Enum.GetNames(type).Contains(raw, StringComparer.OrdinalIgnoreCase) ? Enum.Parse(type, raw, ignoreCase: true) : throw new FormatException(),
                _ => Convert.ChangeType(raw, type, CultureInfo.InvariantCulture),
            };
            return true;
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidCastException)
        {
            value = null;
            return false;
        }
    }

    private static string Expected(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(bool) => "true or false",
        var t when t == typeof(TimeSpan) => "a duration such as 00:05:00 (hh:mm:ss) or 1.00:00:00 (one day)",
        var t when t.IsEnum => "one of " + string.Join(", ", Enum.GetNames(t)),
        _ => "a number",
    };

    private string Wrong(PropertyInfo property, string allowed)
    {
        var shown = property.IsDefined(typeof(SecretSettingAttribute)) ? "(hidden)" : $"'{section[property.Name]}'";
        return $"{Key(property.Name)} = {shown} is not allowed: {allowed}.";
    }

    private string Key(string key) => $"{section.Path}:{key}".Replace(":", "__", StringComparison.Ordinal);
}

/// <summary>Hands each named options object to the binder of its name.</summary>
internal sealed class SettingsBinders<T>(IEnumerable<IReadOnlyList<SettingsBinder<T>>> binders) : IConfigureNamedOptions<T>, IValidateOptions<T>
    where T : class
{
    // Thousands of tokens are as many names; of one that is registered twice the first counts.
    private readonly FrozenDictionary<string, SettingsBinder<T>> byName = binders.SelectMany(some => some).DistinctBy(binder => binder.Name).ToFrozenDictionary(binder => binder.Name);

    public void Configure(T options) => Configure(Options.DefaultName, options);

    public void Configure(string? name, T options) => Find(name)?.Bind(options);

    public ValidateOptionsResult Validate(string? name, T options) => Find(name)?.Check(options).ToArray() switch
    {
        null or [] => ValidateOptionsResult.Success,
        var failures => ValidateOptionsResult.Fail(failures),
    };

    private SettingsBinder<T>? Find(string? name) => byName.GetValueOrDefault(name ?? Options.DefaultName);
}
