using System.Net;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Access;

/// <summary>The first administrator of the panel and the proxies in front of it, bound from <c>Access</c>.</summary>
internal sealed class AccessOptions
{
    public const string Section = "Access";

    /// <summary>The first administrator's password (user name <c>admin</c>), 12 to 256 characters; used only while there is no user. Default: generated once and printed.</summary>
    [SecretSetting]
    [PasswordLength]
    public string AdminPassword { get; set; } = "";

    /// <summary>
    /// The proxies whose <c>X-Forwarded-For</c>, <c>X-Forwarded-Proto</c> and <c>X-Forwarded-Prefix</c> are believed: addresses and networks separated by commas. Anybody else's are
    /// ignored. Default: this machine.
    /// </summary>
    [Networks]
    public string TrustedProxies { get; set; } = "127.0.0.1,::1";

    /// <summary>The public address of this server, such as <c>https://tokens.example.com</c>, for the links in messages. Empty (default): messages carry no links.</summary>
    [WebAddress]
    public string PublicUrl { get; set; } = "";

    /// <summary>
    /// The path below which a proxy shows this server, such as <c>/tokenrefresh</c>: every link, form, redirect and cookie starts with it. Empty (default): the
    /// root, or what a trusted proxy says in <c>X-Forwarded-Prefix</c>.
    /// </summary>
    [PathPrefix]
    public string PathBase { get; set; } = "";
}

/// <summary>Addresses and networks separated by commas, or nothing.</summary>
internal sealed class NetworksAttribute() : AllowedAttribute("addresses and networks separated by commas, such as 10.0.0.5,172.18.0.0/16")
{
    public override bool IsValid(object? value) => value is string text && Read(text).All(network => network is not null);

    /// <summary>The networks of a text, null for each that is none.</summary>
    public static IEnumerable<IPNetwork?> Read(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Network);

    private static IPNetwork? Network(string text) =>
        IPAddress.TryParse(text, out var address) ? new IPNetwork(address, 8 * address.GetAddressBytes().Length)
        : IPNetwork.TryParse(text, out var network) ? network
        : null;
}

/// <summary>A password of an allowed length, or none.</summary>
internal sealed class PasswordLengthAttribute() : AllowedAttribute($"{PanelUsers.LeastPassword} to {PanelUsers.MostPassword} characters")
{
    public override bool IsValid(object? value) => value is string text && text.Length is 0 or (>= PanelUsers.LeastPassword and <= PanelUsers.MostPassword);
}
