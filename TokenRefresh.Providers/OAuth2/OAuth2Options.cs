using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>How the client authenticates (RFC 6749, section 2.3.1).</summary>
public enum ClientAuthentication
{
    /// <summary>In an <c>Authorization: Basic</c> header.</summary>
    Basic,

    /// <summary>As <c>client_id</c> and <c>client_secret</c> in the body.</summary>
    Body,

    /// <summary>None: a public client, which sends <c>client_id</c> in the body and no secret.</summary>
    None,
}

/// <summary>Settings of a provider of type OAuth2, bound from <c>Providers:NAME</c>.</summary>
public sealed class OAuth2Options : ProviderOptions
{
    /// <summary>Fields of the request that are set by other settings.</summary>
    internal static readonly string[] Reserved = ["grant_type", "client_id", "client_secret", "refresh_token", "scope", "audience"];

    /// <summary>
    /// The authorization server, from which a provider that is added at run time gets the addresses that are not set, by discovery. A provider of the settings
    /// states its addresses. Default: none.
    /// </summary>
    [WebAddress]
    public string Issuer { get; set; } = "";

    /// <summary>The token endpoint.</summary>
    [WebAddress(allowsQuery: true)]
    public string TokenUrl { get; set; } = "";

    /// <summary>The client's id.</summary>
    [Line]
    public string ClientId { get; set; } = "";

    /// <summary>The client's secret; not used by a public client.</summary>
    [SecretSetting]
    public string ClientSecret { get; set; } = "";

    /// <summary>The secret that is about to replace <see cref="ClientSecret"/>: each is tried when the other is refused, so that a secret can be replaced without a gap. Default: none.</summary>
    [SecretSetting]
    public string NextClientSecret { get; set; } = "";

    /// <summary>How the client authenticates. Default <see cref="ClientAuthentication.Basic"/>.</summary>
    public ClientAuthentication ClientAuthentication { get; set; } = ClientAuthentication.Basic;

    /// <summary>Sent as <c>audience</c> when a token is acquired. Default: not sent.</summary>
    [Line]
    public string Audience { get; set; } = "";

    /// <summary>Additional fields of every token request, comma-separated <c>key=value</c> pairs. Default: none.</summary>
    [FurtherFields]
    public string Parameters { get; set; } = "";

    /// <summary>The lifetime of a token if the answer contains none and the token is not a JWT with an expiry. Default one hour.</summary>
    [SpanBetween("00:00:05", "366.00:00:00")]
    public TimeSpan DefaultLifetime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>A URL that answers GET with 2xx if the bearer token is valid; used to test a token. Default: none.</summary>
    [WebAddress(allowsQuery: true)]
    public string ProbeUrl { get; set; } = "";

    internal override Uri? Address => TokenUrl.Length > 0 ? new(TokenUrl) : null;

    internal override string? Complaint => Issuer.Length > 0 && TokenUrl.Length == 0
        ? $"{nameof(TokenUrl)} is missing: {nameof(Issuer)} is looked up only for providers that are added while the server runs (providers add NAME --type OAuth2 --issuer URL). Set {nameof(TokenUrl)} to the token_endpoint of {Issuer.TrimEnd('/')}/.well-known/openid-configuration."
        : null;

    internal override IEnumerable<(string Setting, string Value)> Required =>
        IsPublicClient ? [(nameof(TokenUrl), TokenUrl), (nameof(ClientId), ClientId)]
            : [(nameof(TokenUrl), TokenUrl), (nameof(ClientId), ClientId), (nameof(ClientSecret), ClientSecret)];

    internal override ClientCredential Credential => new(ClientId, IsPublicClient ? "" : ClientSecret, nameof(ClientSecret));

    internal override ClientCredential? NextCredential => !IsPublicClient && NextClientSecret.Length > 0 ? new(ClientId, NextClientSecret, nameof(NextClientSecret)) : null;

    internal bool IsPublicClient => ClientAuthentication == ClientAuthentication.None;

    internal override IEnumerable<(string Setting, string Value)> Further =>
        [(nameof(NextClientSecret), NextClientSecret), (nameof(ClientAuthentication), $"{ClientAuthentication}"), (nameof(Audience), Audience), (nameof(Parameters), Parameters)];
}

/// <summary>Additional fields, which must not replace the fields of the protocol.</summary>
internal sealed class FurtherFieldsAttribute() : PairsRuleAttribute(OAuth2Options.Reserved);

/// <summary>Text without control characters.</summary>
internal sealed class LineAttribute() : AllowedAttribute("text without control characters")
{
    public override bool IsValid(object? value) => value is string text && !text.Any(char.IsControl);
}
