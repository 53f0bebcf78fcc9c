using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers.Finnotech;

/// <summary>Settings of a provider of type Finnotech, bound from <c>Providers:NAME</c>.</summary>
public sealed class FinnotechOptions : DocumentedProviderOptions
{
    /// <summary>The client application's id; no colon, because it goes into a Basic header.</summary>
    [ClientId]
    public string ClientId { get; set; } = "";

    /// <summary>Its secret.</summary>
    [SecretSetting]
    public string ClientSecret { get; set; } = "";

    /// <summary>The secret that is about to replace <see cref="ClientSecret"/>: each is tried when the other is refused. Default: none.</summary>
    [SecretSetting]
    public string NextClientSecret { get; set; } = "";

    /// <summary>Ten digits: the national code of a member of the client application, leading zeros included.</summary>
    [NationalId]
    [SecretSetting]
    public string NationalId { get; set; } = "";

    internal override string DocumentedBaseUrl => "https://api.finnotech.ir";

    internal override IEnumerable<(string Setting, string Value)> Required =>
        [(nameof(ClientId), ClientId), (nameof(ClientSecret), ClientSecret), (nameof(NationalId), NationalId)];

    internal override ClientCredential Credential => new(ClientId, ClientSecret, nameof(ClientSecret));

    internal override ClientCredential? NextCredential => NextClientSecret.Length > 0 ? new(ClientId, NextClientSecret, nameof(NextClientSecret)) : null;

    internal override IEnumerable<(string Setting, string Value)> Further => NextClientSecret.Length > 0 ? [(nameof(NextClientSecret), NextClientSecret)] : [];
}

/// <summary>Ten digits, or empty.</summary>
internal sealed class NationalIdAttribute() : AllowedAttribute("ten digits, leading zeros included")
{
    public override bool IsValid(object? value) => value is string text && (text.Length == 0 || (text.Length == 10 && text.All(char.IsAsciiDigit)));
}

/// <summary>Text that is allowed before the colon of a Basic header and in a URL.</summary>
internal sealed class ClientIdAttribute() : AllowedAttribute("printable characters without ':', '/' and white space")
{
    public override bool IsValid(object? value) => value is string text && text.All(sign => sign is > ' ' and <= '~' and not (':' or '/'));
}
