using TokenRefresh.Jobs;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Pages;

/// <summary>How the settings of providers are called on pages.</summary>
internal static class SettingWords
{
    private static readonly Dictionary<string, (Phrase Label, Phrase? Hint)> Known = new(StringComparer.Ordinal)
    {
        ["ApiKey"] = ("API key", null),
        ["Audience"] = ("Audience", "Sent with each request where the server asks for one."),
        ["BaseUrl"] = ("Address", "Empty: the provider's documented one."),
        ["ClientAuthentication"] = ("Client authentication", "In a header, in the form, or not at all for a public client without a secret."),
        ["ClientId"] = ("Client ID", null),
        ["ClientSecret"] = ("Client secret", null),
        ["CriticalThreshold"] = ("Critical threshold", "A failing token with less time left is critical, as hh:mm:ss."),
        ["DefaultLifetime"] = ("Default lifetime", "Used where an answer has none, as hh:mm:ss."),
        ["Enabled"] = ("Enabled", "No: no calls are made."),
        ["LifetimeFraction"] = ("Share of the lifetime", "Refreshed at this share of the lifetime, such as 0.667."),
        ["MaxConcurrency"] = ("Calls at once", null),
        ["NationalId"] = ("National code", "Ten digits, of a member of the client application."),
        ["NextClientSecret"] = ("Next client secret", "Each is tried when the other is refused, so that a secret is replaced without a gap."),
        ["Parameters"] = ("Additional fields", "Sent with each token request: key=value, separated by commas."),
        ["ProbeUrl"] = ("Test URL", "Answers GET with 2xx while a token is valid."),
        ["SecretKey"] = ("Secret key", null),
        ["Threshold"] = ("Threshold", "Refreshed with less time left than this, as hh:mm:ss."),
        ["Timeout"] = ("Time limit of a call", "As hh:mm:ss."),
        ["TokenUrl"] = ("Token URL", "The token endpoint of the authorization server."),
    };

    /// <summary>What a type of providers is.</summary>
    public static Phrase Type(ProviderType type) => type.HasDocumentedAddress
        ? "One provider, whose address is documented: only its credentials are needed."
        : "Any authorization server: with client credentials or refresh tokens.";

    /// <summary>What a setting is called; its own name where no other is known.</summary>
    public static Phrase Label(string setting) => Known.TryGetValue(setting, out var words) ? words.Label : (Phrase)$"{setting}";

    /// <summary>The field of a setting.</summary>
    /// <param name="value">What is stored or was typed; a secret is never shown.</param>
    public static FormField Field(ProviderSetting setting, string value) => new($"{(setting.IsSecret ? FormField.SecretPrefix : "setting.")}{setting.Name}", Label(setting.Name), KindOf(setting))
    {
        Code = setting.Name,
        Hint = Known.GetValueOrDefault(setting.Name).Hint,
        Default = setting.Default switch { "True" => null, var other => other },
        Value = setting.IsSecret ? "" : value,
        Choices = Choices(Nullable.GetUnderlyingType(setting.Type) ?? setting.Type, value),

        // A required secret may be stored already, or not be needed by a public client: the server tells.
        IsRequired = setting is { IsRequired: true, IsSecret: false },
        IsAside = !setting.IsRequired,
    };

    private static FieldKind KindOf(ProviderSetting setting) =>
        setting.IsSecret ? FieldKind.Secret : (Nullable.GetUnderlyingType(setting.Type) ?? setting.Type) is { IsEnum: true } or { Name: nameof(Boolean) } ? FieldKind.Choice : FieldKind.Line;

    // A value in another case is the same.
    private static IReadOnlyList<(string Value, Phrase Words)> Choices(Type type, string value)
    {
        string Same(string choice) => choice.Equals(value, StringComparison.OrdinalIgnoreCase) ? value : choice;
        return type == typeof(bool) ? [("", "default"), (Same("true"), "yes"), (Same("false"), "no")]
            : type.IsEnum ? [("", "default"), .. Enum.GetNames(type).Select(name => (Same(name), (Phrase)$"{name}"))]
            : [];
    }
}
