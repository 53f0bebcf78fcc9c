using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>What came of an attempt: the columns of its row that its end writes. No secrets, so it can wait on disk while the database is away.</summary>
/// <param name="Message">A sentence.</param>
/// <param name="Metadata">JSON.</param>
/// <param name="OldExpiresAt">When the token that was stored before expires.</param>
/// <param name="NewExpiresAt">When the token that was stored expires.</param>
internal sealed record AttemptResult(AttemptStatus Status, string Message, string Metadata, DateTimeOffset? OldExpiresAt, DateTimeOffset? NewExpiresAt, long DurationMs)
{
    /// <summary>The kind of failure, as stored.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The failure in the provider's own status, code and track id.</summary>
    public string? ErrorDetails { get; init; }

    /// <summary>A token was stored.</summary>
    public static AttemptResult Succeeded(string message, string metadata, DateTimeOffset? oldExpiresAt, DateTimeOffset newExpiresAt, TimeSpan took) =>
        new(AttemptStatus.Success, message, metadata, oldExpiresAt, newExpiresAt, Milliseconds(took));

    /// <summary>No token came of it.</summary>
    public static AttemptResult Failed(ProviderFailure failure, string metadata, DateTimeOffset? oldExpiresAt, TimeSpan took) =>
        new(AttemptStatus.Failed, failure.Reason, metadata, oldExpiresAt, null, Milliseconds(took)) { ErrorCode = failure.Kind.Code(), ErrorDetails = failure.Reason };

    /// <summary>There was nothing to do.</summary>
    public static AttemptResult Skipped(string reason, string rule) => new(AttemptStatus.Skipped, reason, $$"""{"rule":"{{rule}}"}""", null, null, 0);

    /// <summary>The same attempt, where a newer token was stored before its own could be.</summary>
    public AttemptResult Overtaken(string reason) => this with { Status = AttemptStatus.Skipped, Message = reason };

    private static long Milliseconds(TimeSpan took) => Math.Max(0, (long)took.TotalMilliseconds);
}
