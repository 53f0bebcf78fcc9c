using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Options;
using Polly;
using Polly.Timeout;

namespace TokenRefresh.Providers;

/// <summary>The HTTP client of one provider: no redirects, no cookies, no logs of headers, a time-out and a circuit breaker, and no retry.</summary>
internal static class ProviderHttp
{
    /// <summary>A circuit opens when this many calls in <see cref="Window"/> went unanswered and none was answered.</summary>
    private const int FailuresToOpen = 20;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan OpenFor = TimeSpan.FromSeconds(30);

    /// <summary>The client's name in the factory.</summary>
    public static string ClientName(string provider) => $"provider:{provider}";

    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10), ConnectionLifetime = TimeSpan.FromMinutes(5);

    public const int MostHeaderKilobytes = 64;

    /// <param name="isManaged">True where its addresses were typed at run time, so that they must not lead into the server's own network.</param>
    public static void AddProviderClient<TOptions>(this IServiceCollection services, string provider, bool isManaged)
        where TOptions : ProviderOptions
    {
        services.AddKeyedSingleton<ProviderCircuit>(provider);
        var client = services.AddHttpClient(ClientName(provider))
            .ConfigureHttpClient(http => http.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(parts => isManaged ? TypedAddresses.Handler(parts.GetRequiredService<IOptions<HttpOptions>>().Value) : new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = ConnectTimeout,
                PooledConnectionLifetime = ConnectionLifetime,
                MaxResponseHeadersLength = MostHeaderKilobytes,
            })
            .RemoveAllLoggers();

        // A token call is never repeated here: a rotated refresh token must not be sent twice.
        // How many calls are in flight is bounded by the caller, before it takes its lease, so that no lease runs out in a queue.
        client.AddResilienceHandler("provider", (pipeline, context) =>
        {
            var circuit = context.ServiceProvider.GetRequiredKeyedService<ProviderCircuit>(provider);
            var clock = context.ServiceProvider.GetRequiredService<TimeProvider>();
            pipeline.TimeProvider = clock;
            pipeline
                .AddCircuitBreaker(new HttpCircuitBreakerStrategyOptions
                {
                    FailureRatio = 1,
                    MinimumThroughput = FailuresToOpen,
                    SamplingDuration = Window,
                    BreakDuration = OpenFor,
                    ShouldHandle = arguments => ValueTask.FromResult(IsUnanswered(arguments.Outcome)),
                    OnOpened = arguments => circuit.OpenAsync(clock.GetUtcNow() + arguments.BreakDuration),
                    OnClosed = _ => circuit.CloseAsync(),
                })
                .AddTimeout(context.ServiceProvider.GetRequiredService<IOptionsMonitor<TOptions>>().Get(provider).Timeout);
        });
    }

    // A caller's own cancellation says nothing about the provider; the handler's connect time-out is a cancellation too, with a cause inside.
    private static bool IsUnanswered(Outcome<HttpResponseMessage> outcome) =>
        outcome.Exception is HttpRequestException or TimeoutRejectedException or OperationCanceledException { InnerException: TimeoutException }
        || (int?)outcome.Result?.StatusCode >= 500;
}

/// <summary>Until when a provider's circuit is open.</summary>
internal sealed class ProviderCircuit
{
    private readonly Lock gate = new();

    public DateTimeOffset? OpenUntil
    {
        get
        {
            lock (gate)
            {
                return field;
            }
        }

        private set
        {
            lock (gate)
            {
                field = value;
            }
        }
    }

    public ValueTask OpenAsync(DateTimeOffset until)
    {
        OpenUntil = until;
        return default;
    }

    public ValueTask CloseAsync()
    {
        OpenUntil = null;
        return default;
    }
}
