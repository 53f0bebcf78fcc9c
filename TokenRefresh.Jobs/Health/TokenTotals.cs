using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>How many tokens each provider has. Counted again when the catalogue has changed, and now and then beneath that: counting a million takes a moment.</summary>
public sealed class TokenTotals
{
    private readonly TimeSpan kept;
    private readonly TimeProvider clock;
    private volatile bool isChanged;
    private volatile Counted? last;

    /// <summary>Nothing is counted yet.</summary>
    public TokenTotals(ConfiguredTokens configured, IOptions<PerformanceOptions> options, TimeProvider clock)
    {
        (kept, this.clock) = (options.Value.CacheTtl, clock);
        configured.Changed += () => isChanged = true;
    }

    /// <summary>True where there were more when they were counted last.</summary>
    internal bool Exceed(int number) => last?.ByProvider.Values.Sum() > number;

    /// <summary>The number by provider; providers without tokens are left out.</summary>
    internal async Task<IReadOnlyDictionary<string, long>> ReadAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        if (last is { } known && !isChanged && clock.GetUtcNow() - known.At < kept)
        {
            return known.ByProvider;
        }

        isChanged = false;
        var at = clock.GetUtcNow();

        // What is left out is rare and has an index of its own; all others are counted in an index alone.
        var all = await db.Tokens.GroupBy(token => token.Provider).Select(group => new { group.Key, Count = group.LongCount() }).ToListAsync(cancellationToken);
        var gone = await db.Tokens.Where(token => token.Origin == Origin.Undeclared).GroupBy(token => token.Provider).Select(group => new { group.Key, Count = group.LongCount() }).ToDictionaryAsync(group => group.Key, group => group.Count, cancellationToken);
        var counted = all.ToDictionary(group => group.Key, group => group.Count - gone.GetValueOrDefault(group.Key), StringComparer.Ordinal);
        last = new(counted, at);
        return counted;
    }

    private sealed record Counted(IReadOnlyDictionary<string, long> ByProvider, DateTimeOffset At);
}
