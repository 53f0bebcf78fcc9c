using System.Diagnostics.CodeAnalysis;

namespace TokenRefresh.Jobs;

/// <summary>Hangfire tells instants of UTC without saying so.</summary>
public static class HangfireTime
{
    /// <summary>The instant that is meant; null for none.</summary>
    [return: NotNullIfNotNull(nameof(told))]
    public static DateTimeOffset? Utc(this DateTime? told) => told?.Utc();

    /// <summary>The instant that is meant.</summary>
    public static DateTimeOffset Utc(this DateTime told) => new(DateTime.SpecifyKind(told, DateTimeKind.Utc));
}
