using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>What came of asking an issuer for its addresses.</summary>
public abstract record DiscoveryResult
{
    private DiscoveryResult()
    {
    }

    /// <summary>It has told them.</summary>
    /// <param name="Settings">The settings of a provider of type OAuth2 that follow from its answer, by name.</param>
    public sealed record Found(IReadOnlyDictionary<string, string> Settings) : DiscoveryResult;

    /// <summary>It has not.</summary>
    /// <param name="Reason">A sentence with the next step.</param>
    public sealed record Failed(string Reason) : DiscoveryResult;
}

/// <summary>
/// Asks an authorization server for its addresses: by RFC 8414, else by OpenID Connect Discovery. The issuer was typed, so it and what its document names go
/// through <see cref="TypedAddresses"/>; redirects are not followed.
/// </summary>
public sealed class IssuerDiscovery : IDisposable
{
    private const string ByOAuth = "/.well-known/oauth-authorization-server", ByOpenId = "/.well-known/openid-configuration";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly HttpOptions options;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    /// <summary>Makes a client of its own.</summary>
    public IssuerDiscovery(IOptions<HttpOptions> options, TimeProvider clock)
        : this(options.Value, clock, TypedAddresses.Handler(options.Value))
    {
    }

    internal IssuerDiscovery(HttpOptions options, TimeProvider clock, HttpMessageHandler handler) =>
        (this.options, this.clock, http) = (options, clock, new(new OutgoingRequestHandler(options) { InnerHandler = handler }) { Timeout = Timeout.InfiniteTimeSpan });

    /// <summary>Asks.</summary>
    /// <param name="issuer">Exactly as its document names it, a slash at its end included.</param>
    public async Task<DiscoveryResult> AskAsync(string issuer, CancellationToken cancellationToken)
    {
        if (!new WebAddressAttribute().IsValid(issuer) || issuer.Length == 0 || !IsSecure(new(issuer)))
        {
            return new DiscoveryResult.Failed($"Issuer must be an https address without query, fragment and user; http is for loopback and TokenRefresh__Http__AllowedAddresses only.");
        }

        var complaints = new List<string>();
        foreach (var address in Addresses(new(issuer)))
        {
            switch (await ReadAsync(issuer, address, cancellationToken))
            {
                case DiscoveryResult.Found found:
                    return found;
                case DiscoveryResult.Failed { Reason: var reason }:
                    complaints.Add($"{address.AbsolutePath}: {reason}");
                    break;
            }
        }

        return new DiscoveryResult.Failed($"The issuer names no addresses ({string.Join("; ", complaints)}). Correct Issuer, or set TokenUrl by hand.");
    }

    /// <inheritdoc />
    public void Dispose() => http.Dispose();

    // RFC 8414 puts its path between host and path of the issuer, OpenID Connect at the end.
    private static IEnumerable<Uri> Addresses(Uri issuer)
    {
        var path = issuer.AbsolutePath.TrimEnd('/');
        yield return new(issuer, ByOAuth + path);
        yield return new(issuer, path + ByOpenId);
    }

    private async Task<DiscoveryResult> ReadAsync(string issuer, Uri address, CancellationToken cancellationToken)
    {
        DiscoveryResult result = new DiscoveryResult.Failed("no answer");
        var (failure, _) = await new ProviderCall(clock, Limit).CheckAsync(
            async limit =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, address);
                request.Headers.Accept.ParseAdd("application/json");
                return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
            },
            reply => result = Read(issuer, ProviderJson.Object(reply.Body)),
            reply => new(FailureKind.InvalidResponse, $"HTTP {(int)reply.Status}"),
            cancellationToken);
        return failure is null ? result : new DiscoveryResult.Failed(failure.Reason);
    }

    private DiscoveryResult Read(string issuer, JsonElement document)
    {
        var named = ProviderJson.TextOrNull(document, "issuer");
        if (named != issuer)
        {
            return new DiscoveryResult.Failed(named is null ? "the document names no issuer" : $"the document is of another issuer, {ProviderJson.Printable(named, 200)}");
        }

        if (ProviderJson.TextOrNull(document, "token_endpoint") is not { Length: > 0 } token)
        {
            return new DiscoveryResult.Failed("the document has no token_endpoint");
        }

        if (!new WebAddressAttribute(allowsQuery: true).IsValid(token) || !IsSecure(new(token)))
        {
            return new DiscoveryResult.Failed("its token_endpoint is no https address");
        }

        var settings = new Dictionary<string, string> { [nameof(OAuth2Options.TokenUrl)] = token };
        switch (Authentication(document))
        {
            case (null, { } methods):
                return new DiscoveryResult.Failed($"it takes clients by {methods} only, which is not supported");
            case ({ } only, _) when only != ClientAuthentication.Basic:
                settings[nameof(OAuth2Options.ClientAuthentication)] = $"{only}";
                break;
        }

        return new DiscoveryResult.Found(settings);
    }

    // Where nothing is said, Basic is what every server has to take (RFC 8414, section 2).
    private static (ClientAuthentication? Way, string? Methods) Authentication(JsonElement document)
    {
        if (!document.TryGetProperty("token_endpoint_auth_methods_supported", out var stated) || stated.ValueKind != JsonValueKind.Array || stated.GetArrayLength() == 0)
        {
            return (ClientAuthentication.Basic, null);
        }

        var methods = stated.EnumerateArray().Select(ProviderJson.TextOrNull).OfType<string>().ToList();
        return methods.Contains("client_secret_basic") ? (ClientAuthentication.Basic, null)
            : methods.Contains("client_secret_post") ? (ClientAuthentication.Body, null)
            : methods.Contains("none") ? (ClientAuthentication.None, null)
            : (null, ProviderJson.Printable(string.Join(", ", methods), 200));
    }

    private bool IsSecure(Uri address) => address.Scheme == Uri.UriSchemeHttps || address.IsLoopback
        || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && options.AllowedNetworks.Any(network => IPNetwork.TryParse(network, out var many) ? many.Contains(ip) : IPAddress.Parse(network).Equals(ip)));
}
