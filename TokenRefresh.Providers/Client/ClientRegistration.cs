using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace TokenRefresh.Providers.Client;

/// <summary>How a program takes its tokens from a TokenRefresh server.</summary>
public static class ClientRegistration
{
    private const string ServerClient = "tokenrefresh-server";

    /// <summary>Names the server and the program's key; once per program.</summary>
    /// <exception cref="ArgumentException">The key is no client key, or the address is not absolute.</exception>
    public static IServiceCollection AddTokenRefreshClient(this IServiceCollection services, TokenRefreshClientOptions options)
    {
        if (options.Server?.IsAbsoluteUri != true)
        {
            throw new ArgumentException($"{nameof(options.Server)} must be an absolute address, such as http://localhost:5080.", nameof(options));
        }

        if (options.Key?.StartsWith("trk_", StringComparison.Ordinal) != true)
        {
            throw new ArgumentException($"{nameof(options.Key)} must be a client key, which begins with trk_. Create one: clients add NAME --tokens PATTERNS", nameof(options));
        }

        services.TryAddSingleton(TimeProvider.System);

        // No loggers: the key is in a header of every request.
        services.AddHttpClient(ServerClient)
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
            .AddHttpMessageHandler(() => new OutgoingRequestHandler(new()))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            .RemoveAllLoggers();
        services.TryAddSingleton(provider => new TokenRefreshClient(
            provider.GetRequiredService<IHttpClientFactory>().CreateClient(ServerClient), options, provider.GetRequiredService<TimeProvider>()));
        return services;
    }

    /// <summary>Gives every request of this client the bearer token of that name.</summary>
    public static IHttpClientBuilder AddTokenRefreshHandler(this IHttpClientBuilder builder, string token) =>
        builder.AddHttpMessageHandler(provider => new TokenRefreshHandler(token, provider.GetRequiredService<TokenRefreshClient>()));
}
