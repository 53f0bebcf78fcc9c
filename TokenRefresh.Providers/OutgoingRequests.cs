using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>Settings of every HTTP request that this program makes, bound from <c>TokenRefresh:Http</c>.</summary>
public sealed class HttpOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Http";

    /// <summary>Sent as <c>User-Agent</c>. Default, and where it is empty: this product, its version and the address of its documentation.</summary>
    [HeaderText]
    public string UserAgent { get; set; } = "";

    /// <summary>
    /// Where addresses that are typed while the server runs may lead although they are private, link-local or loopback: IP addresses and networks separated by commas.
    /// Default: nowhere. Addresses of the settings are not restricted.
    /// </summary>
    [Networks]
    public string AllowedAddresses { get; set; } = "";

    /// <summary>The same, one by one.</summary>
    internal IReadOnlyList<string> AllowedNetworks => NetworksAttribute.Read(AllowedAddresses);
}

/// <summary>Text that an HTTP header can carry.</summary>
internal sealed class HeaderTextAttribute() : AllowedAttribute("at most 200 printable ASCII characters, without a leading or trailing space")
{
    public override bool IsValid(object? value) =>
        value is string { Length: <= 200 } text && text.All(character => character is >= ' ' and <= '~') && text.Trim().Length == text.Length;
}

/// <summary>
/// Gives every request what strict receivers insist on. A body gets its <c>Content-Length</c>: WSGI, FastCGI and older gateways see a chunked body
/// as an empty one. And a <c>User-Agent</c> is sent, because firewalls refuse requests without one.
/// </summary>
/// <param name="options">The <c>User-Agent</c> of requests that have none of their own.</param>
public sealed class OutgoingRequestHandler(HttpOptions options) : DelegatingHandler
{
    /// <summary>The product, its version and the address of its documentation.</summary>
    public static readonly string ProductUserAgent = Product(typeof(OutgoingRequestHandler).Assembly);

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Headers.UserAgent.Count == 0)
        {
            request.Headers.TryAddWithoutValidation("User-Agent", options.UserAgent.Length > 0 ? options.UserAgent : ProductUserAgent);
        }

        // JSON that is written while it is sent has no length; once it is in memory it has.
        if (request.Content is { Headers.ContentLength: null } body)
        {
            await body.LoadIntoBufferAsync(cancellationToken);
        }

        return await base.SendAsync(request, cancellationToken);
    }

    private static string Product(Assembly assembly)
    {
        var documentation = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Documentation").Value;
        return $"{assembly.GetCustomAttribute<AssemblyProductAttribute>()!.Product}/{assembly.GetName().Version!.ToString(3)} (+{documentation})";
    }
}

/// <summary>Makes every client of the factory send requests as <see cref="OutgoingRequestHandler"/> does.</summary>
public static class OutgoingRequests
{
    /// <summary>Adds the settings and the handler; more than once is the same as once.</summary>
    public static IServiceCollection AddOutgoingRequests(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(Added)))
        {
            return services;
        }

        return services
            .AddSingleton<Added>()
            .AddSettings<HttpOptions>(HttpOptions.Section)
            .ConfigureHttpClientDefaults(http => http.AddHttpMessageHandler(
                provider => new OutgoingRequestHandler(provider.GetRequiredService<IOptions<HttpOptions>>().Value)));
    }

    private sealed class Added;
}
