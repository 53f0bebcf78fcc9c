using System.Net;
using Microsoft.Security.AntiSSRF;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>
/// Addresses that people and programs type while the server runs. They must not lead into the server's own network: private, link-local, metadata and loopback
/// addresses are refused after the name was resolved, on each connection, unless <see cref="HttpOptions.AllowedAddresses"/> has them.
/// </summary>
internal static class TypedAddresses
{
    /// <summary>A handler that connects to allowed addresses only.</summary>
    public static HttpMessageHandler Handler(HttpOptions options)
    {
        var policy = new AntiSSRFPolicy(PolicyConfigOptions.ExternalOnlyLatest) { AddXFFHeader = false, AllowPlainTextHttp = true };
        if (options.AllowedNetworks is { Count: > 0 } allowed)
        {
            policy.AddAllowedAddresses([.. allowed]);
        }

        var handler = policy.GetHandler();
        handler.AllowAutoRedirect = false;
        handler.UseCookies = false;
        handler.ConnectTimeout = ProviderHttp.ConnectTimeout;
        handler.PooledConnectionLifetime = ProviderHttp.ConnectionLifetime;
        handler.MaxResponseHeadersLength = ProviderHttp.MostHeaderKilobytes;
        return handler;
    }
}

/// <summary>IP addresses and networks such as <c>10.0.0.0/8</c>, separated by commas.</summary>
internal sealed class NetworksAttribute() : AllowedAttribute("IP addresses and networks separated by commas, such as 10.0.0.0/8,192.168.1.7,::1")
{
    public override bool IsValid(object? value) => value is string text && Read(text).All(network => IPNetwork.TryParse(network, out _) || IPAddress.TryParse(network, out _));

    public static IReadOnlyList<string> Read(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
