using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Api;

/// <summary>Limits of one client at one node, bound from <c>Api</c>.</summary>
internal sealed class ApiOptions
{
    public const string Section = "Api";

    /// <summary>Reads per second; twice as many in a burst. Default 5000.</summary>
    [Between(1, 1_000_000)]
    public int ReadsPerSecond { get; set; } = 5000;

    /// <summary>Requests per minute that start work: refreshes and reports of refused tokens. Default 600.</summary>
    [Between(1, 1_000_000)]
    public int ChangesPerMinute { get; set; } = 600;
}
