using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Bounds the calls in flight at one provider from this node. Waiting happens here, before the lease is taken, so that no lease runs out in a queue.</summary>
public sealed class ProviderSlots(IOptions<PerformanceOptions> options) : IDisposable
{
    private readonly ConcurrentDictionary<(string Provider, int Limit), ConcurrencyLimiter> byProvider = new();

    /// <summary>Waits for a slot; disposing the result frees it.</summary>
    public async Task<IDisposable> EnterAsync(ITokenProvider provider, CancellationToken cancellationToken) =>
        await byProvider.GetOrAdd((provider.Name, provider.MaxConcurrency ?? options.Value.MaxConcurrencyPerProvider), static key => Limiter(key.Limit)).AcquireAsync(1, cancellationToken);

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var limiter in byProvider.Values)
        {
            limiter.Dispose();
        }
    }

    private static ConcurrencyLimiter Limiter(int limit) => new(new()
    {
        PermitLimit = limit,
        QueueLimit = int.MaxValue,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });
}
