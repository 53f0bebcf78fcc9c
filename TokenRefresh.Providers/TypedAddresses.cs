using System.Net;
using Microsoft.Security.AntiSSRF;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>An address leads to a network that it must not lead to.</summary>
public sealed class RefusedAddressException() : Exception(Words)
{
    /// <summary>Why, and what allows it, as a phrase.</summary>
    public const string Words = "the address leads to a private, local or special network; TokenRefresh__Http__AllowedAddresses allows some";
}

/// <summary>
/// Addresses that people and programs type while the server runs. They must not lead into the server's own network: private, link-local, metadata and loopback
/// addresses are refused after the name was resolved, on each connection, unless <see cref="HttpOptions.AllowedAddresses"/> has them. No proxy is used, because
/// a proxy would resolve the name by itself.
/// </summary>
public static class TypedAddresses
{
    // Addresses of the old protocol that are written as one of the new, which the list of the package does not have.
    private const string Compatible = "::/96";

    /// <summary>A handler that connects to allowed addresses only, and throws <see cref="RefusedAddressException"/> for others. It follows no redirect.</summary>
    public static HttpMessageHandler Handler(HttpOptions options)
    {
        var policy = new AntiSSRFPolicy(PolicyConfigOptions.ExternalOnlyLatest) { AddXFFHeader = false, AllowPlainTextHttp = true };
        policy.AddDeniedAddresses([Compatible]);
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
        return new Refusals { InnerHandler = handler };
    }

    private sealed class Refusals : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (Exception error) when (IsRefusal(error))
            {
                throw new RefusedAddressException();
            }
        }

        // For 0.0.0.0 and :: the package complains of an argument instead.
        private static bool IsRefusal(Exception error) => error is AntiSSRFException or ArgumentException || (error.InnerException is { } inner && IsRefusal(inner));
    }
}

/// <summary>IP addresses and networks such as <c>10.0.0.0/8</c>, separated by commas.</summary>
internal sealed class NetworksAttribute() : AllowedAttribute("IP addresses and networks separated by commas, such as 10.0.0.0/8,192.168.1.7,::1")
{
    public override bool IsValid(object? value) => value is string text && Read(text).All(network => IPNetwork.TryParse(network, out _) || IPAddress.TryParse(network, out _));

    public static IReadOnlyList<string> Read(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
