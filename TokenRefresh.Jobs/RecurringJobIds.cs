namespace TokenRefresh.Jobs;

/// <summary>The ids of the recurring jobs, as Hangfire stores them and people type them.</summary>
public static class RecurringJobIds
{
    /// <summary>The sweep.</summary>
    public const string AutomaticTokenRefresh = "automatic-token-refresh";

    /// <summary>The due check.</summary>
    public const string DueTokenRefresh = "due-token-refresh";

    /// <summary>The backup.</summary>
    public const string BackupTokenRefresh = "backup-token-refresh";

    /// <summary>The clean-up.</summary>
    public const string LogCleanup = "log-cleanup";

    /// <summary>The evaluation of alerts.</summary>
    public const string TokenHealthCheck = "token-health-check";

    /// <summary>The summary.</summary>
    public const string DailySummary = "daily-summary";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [AutomaticTokenRefresh, DueTokenRefresh, BackupTokenRefresh, TokenHealthCheck, DailySummary, LogCleanup];
}
