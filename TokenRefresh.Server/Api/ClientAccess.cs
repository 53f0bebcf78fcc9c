using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Administration;

namespace TokenRefresh.Server.Api;

/// <summary>Lets programs in by their keys, each at its own rate.</summary>
internal sealed class ClientAccess(ClientKeys keys, IOptions<ApiOptions> options) : IDisposable
{
    private const string Scheme = "Bearer ";

    private readonly ConcurrentDictionary<string, Limits> limits = new();

    /// <summary>The client of a request, or the problem to answer with.</summary>
    public (Client? Client, Problem? Problem) Enter(HttpContext context, bool changes)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } text || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) || keys.Recognise(text.AsSpan(Scheme.Length)) is not { } client)
        {
            return (null, Problem.Unauthorized);
        }

        var own = limits.GetOrAdd(client.Key.Id, static (_, options) => new(options), options.Value);
        using var permit = (changes ? own.Changes : own.Reads).AttemptAcquire();
        return permit.IsAcquired
            ? (client, null)
            : (null, Problem.TooMany(permit.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : TimeSpan.FromSeconds(1)));
    }

    public void Dispose()
    {
        foreach (var own in limits.Values)
        {
            own.Reads.Dispose();
            own.Changes.Dispose();
        }
    }

    private sealed class Limits(ApiOptions options)
    {
        public TokenBucketRateLimiter Reads { get; } = Bucket(options.ReadsPerSecond, TimeSpan.FromSeconds(1));

        public TokenBucketRateLimiter Changes { get; } = Bucket(options.ChangesPerMinute, TimeSpan.FromMinutes(1));

        private static TokenBucketRateLimiter Bucket(int perPeriod, TimeSpan period)
        {
            // A tenth of the period at a time, or one by one where that is less than one.
            var atOnce = Math.Max(1, perPeriod / 10);
            return new(new()
            {
                TokenLimit = 2 * perPeriod,
                TokensPerPeriod = atOnce,
                ReplenishmentPeriod = period * atOnce / perPeriod,
                QueueLimit = 0,
            });
        }
    }
}
