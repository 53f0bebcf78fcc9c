using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Health;

/// <summary>The freshness objective of every token, bound from <c>TokenRefresh:Objective</c>.</summary>
public sealed class ObjectiveOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Objective";

    /// <summary>The share of time in which a token is to have a valid value, in percent. Default 99.99: 4 min 19 s without one in 30 days.</summary>
    [Between(50, 99.9999)]
    public double Target { get; set; } = 99.99;

    /// <summary>The time up to now that is looked at. Default 30 days.</summary>
    [SpanBetween("1.00:00:00", "365.00:00:00")]
    public TimeSpan Window { get; set; } = TimeSpan.FromDays(30);
}
