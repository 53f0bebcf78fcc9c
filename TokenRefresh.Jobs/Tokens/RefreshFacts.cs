using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>What decides whether a token may be refreshed: of its secrets only whether there are any.</summary>
/// <param name="Name">The token's name.</param>
/// <param name="HasAccessToken">True once it was obtained.</param>
/// <param name="HasRefreshToken">True where a refresh token is stored.</param>
/// <param name="Version">The version that is stored.</param>
/// <param name="IssuedAt">When it was asked for.</param>
/// <param name="ExpiresAt">When it expires.</param>
/// <param name="RefreshDueAt">When it is due; null where nothing can be done without a person.</param>
/// <param name="DueReason">Why then, as a phrase.</param>
/// <param name="Failure">Why the last attempt failed; null where it did not.</param>
/// <param name="FailureText">That failure in words.</param>
/// <param name="Failures">Failed attempts since the last success.</param>
/// <param name="NextAttemptAt">When it is retried after a failure that may pass.</param>
/// <param name="RetryJobId">The job that makes that retry; null where the due check does.</param>
/// <param name="PausedAt">Since when it is paused.</param>
/// <param name="PausedUntil">When the pause ends; null for never.</param>
/// <param name="PauseReason">Who paused it, and why.</param>
/// <param name="SettingsFingerprint">The digest of the settings that the last attempt used.</param>
internal sealed record RefreshFacts(
    string Name, bool HasAccessToken, bool HasRefreshToken, long Version, DateTimeOffset? IssuedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RefreshDueAt, string DueReason,
    FailureKind? Failure, string? FailureText, int Failures, DateTimeOffset? NextAttemptAt, string? RetryJobId, DateTimeOffset? PausedAt, DateTimeOffset? PausedUntil, string? PauseReason,
    string? SettingsFingerprint)
{
    /// <summary>After a failure: until then only a person, or the job that makes the retry, tries it.</summary>
    public DateTimeOffset? LeftAloneUntil => RetryJobId is null ? NextAttemptAt : NextAttemptAt + Token.RetryGrace;

    /// <summary>How often it failed and why, as a phrase.</summary>
    public string FailuresInWords => $"{(Failures == 1 ? "1 failure" : $"{Failures} failures")} ({Failure?.Code()})";

    /// <summary>The facts of a row.</summary>
    public static RefreshFacts Of(Token token) => new(
        token.Name, token.AccessToken is not null, token.RefreshToken is not null, token.Version, token.IssuedAt, token.ExpiresAt, token.RefreshDueAt, token.DueReason,
        token.LastFailure, token.LastError, token.ConsecutiveFailures, token.NextAttemptAt, token.RetryJobId, token.PausedAt, token.PausedUntil, token.PauseReason, token.SettingsFingerprint);
}
