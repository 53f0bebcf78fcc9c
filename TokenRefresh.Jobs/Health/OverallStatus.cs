namespace TokenRefresh.Jobs.Health;

/// <summary>How the whole stands, from well to worst.</summary>
public enum OverallStatus
{
    /// <summary>Nothing is wrong.</summary>
    Operational,

    /// <summary>Some token's refresh fails; all that clients read is valid.</summary>
    Degraded,

    /// <summary>A person must act, or will have to soon.</summary>
    ActionRequired,

    /// <summary>Some token is not valid, or nothing is refreshed any more.</summary>
    Outage,
}

/// <summary>The words of <see cref="OverallStatus"/>.</summary>
public static class OverallStatuses
{
    /// <summary>As a stable word: <c>action_required</c>.</summary>
    public static string Code(this OverallStatus status) => status == OverallStatus.ActionRequired ? "action_required" : status.ToString().ToLowerInvariant();

    /// <summary>In words, as a sentence begins: <c>Action required</c>.</summary>
    public static string InWords(this OverallStatus status) => status == OverallStatus.ActionRequired ? "Action required" : status.ToString();

    /// <summary>The seed's word for it: <c>healthy</c>, <c>partial</c> or <c>unhealthy</c>.</summary>
    public static string SeedCode(this OverallStatus status) => status switch
    {
        OverallStatus.Operational => "healthy",
        OverallStatus.Outage => "unhealthy",
        _ => "partial",
    };
}
