using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace TokenRefresh.Providers.Settings;

/// <summary>A rule for one setting whose message says what is allowed, to follow "KEY = VALUE is not allowed:".</summary>
[AttributeUsage(AttributeTargets.Property)]
public abstract class AllowedAttribute(string allowed) : ValidationAttribute(allowed)
{
    /// <inheritdoc />
    public override string FormatErrorMessage(string name) => ErrorMessageString;
}

/// <summary>A duration between two others, both included, written as <c>hh:mm:ss</c> or <c>d.hh:mm:ss</c>.</summary>
public sealed class SpanBetweenAttribute(string least, string most) : AllowedAttribute($"a duration from {least} to {most}")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) =>
        value is null || (value is TimeSpan span
            && span >= TimeSpan.Parse(least, CultureInfo.InvariantCulture)
            && span <= TimeSpan.Parse(most, CultureInfo.InvariantCulture));
}

/// <summary>A number between two others, both included.</summary>
public sealed class BetweenAttribute(double least, double most)
    : AllowedAttribute(string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"))
{
    /// <inheritdoc />
    public override bool IsValid(object? value) =>
        value is null || (Convert.ToDouble(value, CultureInfo.InvariantCulture) is var number && number >= least && number <= most);
}

/// <summary>An absolute http or https address without fragment or credentials, and without a query unless that is allowed; empty where the setting may be left out.</summary>
public sealed class WebAddressAttribute(bool allowsQuery = false)
    : AllowedAttribute($"an absolute http or https address without {(allowsQuery ? "" : "query, ")}fragment or user, such as https://api.example.com")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) =>
        value is null or "" || (value is string text
            && Uri.TryCreate(text, UriKind.Absolute, out var address)
            && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
            && (allowsQuery || address.Query.Length == 0) && address.Fragment.Length == 0 && address.UserInfo.Length == 0);
}

/// <summary>Pairs <c>key=value</c> separated by commas, each key once; some keys may be another setting's.</summary>
public abstract class PairsRuleAttribute(params string[] reserved)
    : AllowedAttribute("key=value pairs separated by commas, each key once" + (reserved.Length > 0 ? $", without {string.Join(", ", reserved)}" : ""))
{
    /// <inheritdoc />
    public override bool IsValid(object? value) =>
        value is string text && Split(text) is var pairs && pairs.All(pair => pair.IndexOf('=', StringComparison.Ordinal) > 0)
        && pairs.Select(Key).ToList() is var keys && keys.Count == keys.Distinct(StringComparer.OrdinalIgnoreCase).Count()
        && !keys.Intersect(reserved, StringComparer.OrdinalIgnoreCase).Any();

    /// <summary>The pairs of a valid text; keys have no case.</summary>
    public static Dictionary<string, string> Read(string text) =>
        Split(text).ToDictionary(Key, pair => pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim(), StringComparer.OrdinalIgnoreCase);

    private static string Key(string pair) => pair.Split('=', 2)[0].Trim();

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>Pairs <c>key=value</c> separated by commas, each key once.</summary>
public sealed class PairsAttribute() : PairsRuleAttribute;

/// <summary>Marks addresses that are as good as a password, of which a list of the settings shows the host alone.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretAddressAttribute : Attribute;

/// <summary>Marks a setting whose value is never printed, not even when it is wrong.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretSettingAttribute : Attribute;
