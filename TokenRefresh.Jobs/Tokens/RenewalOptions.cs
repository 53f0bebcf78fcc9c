using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>When tokens are renewed, bound from <c>TokenRefresh:Renewal</c>.</summary>
public sealed class RenewalOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Renewal";

    /// <summary>A token with less time left than this is always due. Default five minutes; at most half of a token's lifetime is used.</summary>
    [SpanBetween("00:00:00", "7.00:00:00")]
    public TimeSpan Threshold { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>A token is due at this fraction of its lifetime, if that is earlier. Default 0.667: a 24-hour token after 16 hours.</summary>
    [Between(0.1, 0.99)]
    public double LifetimeFraction { get; set; } = 0.667;
}

/// <summary>A provider's own renewal rule, bound from <c>Providers:NAME</c>; missing values follow the general rule.</summary>
public sealed class ProviderRenewalOptions
{
    /// <summary>As <see cref="RenewalOptions.Threshold"/>.</summary>
    [SpanBetween("00:00:00", "7.00:00:00")]
    public TimeSpan? Threshold { get; set; }

    /// <summary>As <see cref="RenewalOptions.LifetimeFraction"/>.</summary>
    [Between(0.1, 0.99)]
    public double? LifetimeFraction { get; set; }

    /// <summary>As <see cref="CriticalOptions.CriticalThreshold"/>.</summary>
    [SpanBetween("00:00:00", "7.00:00:00")]
    public TimeSpan? CriticalThreshold { get; set; }
}

/// <summary>When a failing token becomes critical, bound from <c>TokenRefresh:Notifications</c>.</summary>
public sealed class CriticalOptions
{
    /// <summary>The section these settings are bound from; its other keys are the notifications' own.</summary>
    public const string Section = "TokenRefresh:Notifications";

    /// <summary>A failing token with less time left than this is critical. Default two hours.</summary>
    [SpanBetween("00:00:00", "7.00:00:00")]
    public TimeSpan CriticalThreshold { get; set; } = TimeSpan.FromHours(2);
}
