using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>How rows of the log read on pages.</summary>
internal static class LogWords
{
    /// <summary>As the stylesheet names it.</summary>
    public static string Kind(AttemptStatus status) => status switch
    {
        AttemptStatus.Success => "is-well",
        AttemptStatus.Failed => "is-ill",
        AttemptStatus.Running => "is-warning",
        _ => "is-aside",
    };

    /// <summary>A status in a word.</summary>
    public static Phrase InWords(AttemptStatus status) => status switch
    {
        AttemptStatus.Success => "Refreshed",
        AttemptStatus.Failed => "Failed",
        AttemptStatus.Running => "Running",
        _ => "Skipped",
    };

    /// <summary>What came of an attempt: of a failure its reason in a few words and what the provider said, else the log's message.</summary>
    public static string Result(RefreshAttempt row) => row.ErrorCode is { } code ? $"{FailureWords.InWords(code)}: {row.Message}" : row.Message;
}
