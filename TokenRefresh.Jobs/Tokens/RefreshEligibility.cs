using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>May this request refresh the token now, and why or why not?</summary>
/// <param name="IsDue">True when the provider is to be asked.</param>
/// <param name="Reason">A sentence for the log and the page.</param>
public sealed record RefreshEligibility(bool IsDue, string Reason)
{
    /// <summary>When the token is due, where it is only too early.</summary>
    public DateTimeOffset? DueAt { get; private init; }

    /// <summary>What the token is, where time alone changes nothing: not configured, or waiting for a person to import it. Else null.</summary>
    public TokenState? Obstacle { get; private init; }

    /// <summary>Within this time a token is replaced for two reports at most, or an API that refuses for its own reasons would keep us renewing.</summary>
    public static readonly TimeSpan RejectionsApart = TimeSpan.FromMinutes(1);

    /// <summary>Said of such a report.</summary>
    public static readonly RefreshEligibility RefusedAgain = Wait("This token and the previous one have just replaced refused tokens; an API that refuses every token has another reason.");

    /// <summary>Judges a request by the stored state alone, in the order in which the rules outrank each other.</summary>
    /// <param name="token">The row as read under the lease.</param>
    /// <param name="settings">The token's settings.</param>
    /// <param name="fingerprint">The digest of today's settings; another one than the stored lifts what a failure blocked.</param>
    public static RefreshEligibility For(Token token, ConfiguredToken settings, RefreshRequest request, string fingerprint, DateTimeOffset now)
    {
        var byPerson = request.Trigger is RefreshTrigger.Manual or RefreshTrigger.Forced;
        var settingsChanged = token.SettingsFingerprint is { } last && last != fingerprint;

        if (settings.NotConfiguredBecause is { } missing)
        {
            return Wait($"Not configured: {missing}.") with { Obstacle = TokenState.NotConfigured };
        }

        if (settings.Order.Grant == Grant.Imported && token.RefreshToken is null)
        {
            return Wait($"Only a person can start this grant; import it with 'tokens import {token.Name}'.") with { Obstacle = TokenState.ActionRequired };
        }

        if (token.IsPaused(now) && !byPerson)
        {
            return Wait($"Paused: {token.PauseReason}");
        }

        if (request.RequestedAt is { } asked && token.IssuedAt > asked)
        {
            return Wait($"Already refreshed at {token.IssuedAt:u}, after this request.");
        }

        if (!byPerson && !settingsChanged && Blocked(token, request, now) is { } block)
        {
            return Wait(block);
        }

        return request.Trigger switch
        {
            RefreshTrigger.Forced => Due("Forced."),
            RefreshTrigger.Backup => Due("Backup: acquired anew with the credentials."),
            RefreshTrigger.Rejected when token.Version != request.RejectedVersion => Wait("The stored token is newer than the refused one."),
            RefreshTrigger.Rejected => Due("The API refused this token."),
            RefreshTrigger.OnDemand when token.ExpiresAt - now <= request.MinValidity && token.ExpiresAt - token.IssuedAt > request.MinValidity =>
                Due($"A client needs at least {DurationFormat.InWords(request.MinValidity)}."),
            RefreshTrigger.OnDemand when token.AccessToken is not null && token.ExpiresAt <= now => Due("A client needs it and it has expired."),
            _ when settingsChanged && token.LastFailure is not null => Due("The settings have changed since the last failure."),
            _ when token.AccessToken is null => Due("Never obtained yet."),
            _ when token.RefreshDueAt <= now => Due($"Due since {token.RefreshDueAt:u}, {token.DueReason}."),

            // What failed is retried once its pause is over, or as soon as a person asks: the failure may have come before it was due.
            _ when token.LastFailure is not null => Due($"Retried after {token.FailuresInWords} ({token.LastErrorCode})."),
            _ => Wait($"Fresh: due at {token.RefreshDueAt:u}, {token.DueReason}.") with { DueAt = token.RefreshDueAt },
        };
    }

    /// <summary>True for a failure that only a person or changed settings can end, but that the backup job tries all the same: the provider may accept the credentials again.</summary>
    public static bool IsTriedByBackup(FailureKind kind) => kind == FailureKind.CredentialRejected;

    private static string? Blocked(Token token, RefreshRequest request, DateTimeOffset now) => token.LastFailure switch
    {
        { } kind when request.Trigger == RefreshTrigger.Backup && IsTriedByBackup(kind) => null,
        { } kind when !kind.IsRetryable() => $"{kind.Code()}: {token.LastError}. Retries stopped: update the credentials.",
        _ when token.LeftAloneUntil > now && (request.JobId is null || request.JobId != token.RetryJobId) =>
            $"Retry at {token.NextAttemptAt:u} after {token.FailuresInWords} ({token.LastErrorCode}).",
        _ => null,
    };

    private static RefreshEligibility Due(string reason) => new(true, reason);

    private static RefreshEligibility Wait(string reason) => new(false, reason);
}
