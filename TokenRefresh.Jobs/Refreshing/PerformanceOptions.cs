using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Limits of concurrent work, bound from <c>TokenRefresh:Performance</c>.</summary>
public sealed class PerformanceOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Performance";

    /// <summary>How often the tokens in memory are fully reloaded, in addition to change notifications. Default five minutes.</summary>
    [SpanBetween("00:00:01", "1.00:00:00")]
    public TimeSpan CacheTtl { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The tokens that are held in memory whether they are read or not, those first that were read last. Beyond it those are held that were read within a day. Default 20,000.</summary>
    [Between(1, 1_000_000)]
    public int CacheSize { get; set; } = 20_000;

    /// <summary>The most tokens in one Hangfire job; jobs hold one token each while few are due. Default 100.</summary>
    [Between(1, 1000)]
    public int BatchSize { get; set; } = 100;

    /// <summary>The most calls in flight at one provider from one node. Default 10.</summary>
    [Between(1, 1000)]
    public int MaxConcurrencyPerProvider { get; set; } = 10;
}
