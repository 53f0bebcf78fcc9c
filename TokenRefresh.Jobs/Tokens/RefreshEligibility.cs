using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>
/// May a token be refreshed now, and why or why not? The one rule, an ordered list of named conditions of which the first that holds decides, and
/// below it the same for the due check in SQL. Due check, readers, pages and the refresh itself ask it.
/// </summary>
public sealed record RefreshEligibility
{
    /// <summary>Its provider has no credentials or is switched off.</summary>
    public const string NotConfigured = "not_configured";

    /// <summary>Only a person can start the grant.</summary>
    public const string NeedsImport = "needs_import";

    /// <summary>A person has paused it.</summary>
    public const string Paused = "paused";

    /// <summary>The last attempt failed for a reason that only a person or changed settings end.</summary>
    public const string Refused = "refused";

    /// <summary>The last attempt failed, and the pause after it is not over.</summary>
    public const string InRetryPause = "in_retry_pause";

    /// <summary>It is only too early.</summary>
    public const string NotDue = "not_due";

    /// <summary>Within this time a token is replaced for two reports at most, or an API that refuses for its own reasons would keep us renewing.</summary>
    public static readonly TimeSpan RejectionsApart = TimeSpan.FromMinutes(1);

    /// <summary>The answer to such a report.</summary>
    public static readonly RefreshEligibility RefusedAgain = new(
        "refused_again", false, "This token and the previous one have just replaced refused tokens; an API that refuses every token has another reason.");

    /// <summary>The answer where the token was removed, or made anew with another provider, since it was asked for.</summary>
    internal static readonly RefreshEligibility GoneOrChanged = new("gone_or_changed", false, "This token is not in the catalogue any more, or has another provider now.");

    // The order is the rank: what stands first outranks the rest.
    private static readonly IReadOnlyList<Rule> Rules =
    [
        // No call can be made, whoever asks.
        No(NotConfigured, q => q.Settings.NotConfiguredBecause is not null, q => $"Not configured: {q.Settings.NotConfiguredBecause}."),
        No(NeedsImport, q => q.Settings.Order.Grant == Grant.Imported && !q.Token.HasRefreshToken, q => $"Only a person can start this grant; import it with 'tokens import {q.Token.Name}'."),

        // Nothing is to be done, or a person has asked to leave it alone.
        No(Paused, q => !q.IsByPerson && TokenHealth.IsPaused(q.Token.PausedAt, q.Token.PausedUntil, q.Now), q => $"Paused: {q.Token.PauseReason}"),
        No("already_refreshed", q => q.Token.IssuedAt > q.Request.RequestedAt, q => $"Already refreshed at {q.Token.IssuedAt:u}, after this request."),

        // What failed is left alone by all but people, until its settings change.
        No(Refused, q => q.IsHeldBack && q.Token.Failure?.IsRetryable() == false && !q.IsTriedByBackup, q => $"{q.Token.Failure!.Value.Code()}: {q.Token.FailureText}. Retries stopped: update the credentials."),
        No(InRetryPause, q => q.IsHeldBack && q.Token.LeftAloneUntil > q.Now && !q.IsRetryOfJob && !q.IsTriedByBackup, q => $"Retry at {q.Token.NextAttemptAt:u} after {q.Token.FailuresInWords}."),

        // What the trigger alone decides.
        Yes("forced", q => q.Request.Trigger == RefreshTrigger.Forced, _ => "Forced."),
        Yes("backup", q => q.Request.Trigger == RefreshTrigger.Backup, _ => "Backup: acquired anew with the credentials."),
        No("newer_token", q => q.Request.Trigger == RefreshTrigger.Rejected && q.Token.Version != q.Request.RejectedVersion, _ => "The stored token is newer than the refused one."),
        Yes("rejected", q => q.Request.Trigger == RefreshTrigger.Rejected, _ => "The API refused this token."),
        Yes("reader_needs_longer", q => q.IsForReader && q.Token.ExpiresAt - q.Now <= q.Request.MinValidity && q.Token.ExpiresAt - q.Token.IssuedAt > q.Request.MinValidity, q => $"A client needs at least {DurationFormat.InWords(q.Request.MinValidity)}."),
        Yes("reader_found_expired", q => q.IsForReader && q.Token.HasAccessToken && q.Token.ExpiresAt <= q.Now, _ => "A client needs it and it has expired."),

        // What the stored state decides.
        Yes("settings_changed", q => q.AreSettingsChanged && q.Token.Failure is not null, _ => "The settings have changed since the last failure."),
        Yes("never_obtained", q => !q.Token.HasAccessToken, _ => "Never obtained yet."),
        Yes("due", q => q.Token.RefreshDueAt <= q.Now, q => $"Due since {q.Token.RefreshDueAt:u}, {q.Token.DueReason}."),

        // Its pause is over, or a person asks: the failure may have come before it was due.
        Yes("retry", q => q.Token.Failure is not null, q => $"Retried after {q.Token.FailuresInWords}."),
        No(NotDue, _ => true, q => $"Fresh: due at {q.Token.RefreshDueAt:u}, {q.Token.DueReason}."),
    ];

    private RefreshEligibility(string code, bool isDue, string reason) => (Code, IsDue, Reason) = (code, isDue, reason);

    /// <summary>Every code, in the order of the rules.</summary>
    public static IReadOnlyList<string> Codes { get; } = [.. Rules.Select(rule => rule.Code), RefusedAgain.Code, GoneOrChanged.Code];

    /// <summary>The rule that decided, as a stable word.</summary>
    public string Code { get; }

    /// <summary>True when the provider is to be asked.</summary>
    public bool IsDue { get; }

    /// <summary>A sentence for the log and the page.</summary>
    public string Reason { get; }

    /// <summary>When the token is due, where it is only too early.</summary>
    public DateTimeOffset? DueAt { get; private init; }

    /// <summary>What the token is, where time alone changes nothing: not configured, or waiting for a person to import it. Else null.</summary>
    public TokenState? Obstacle => Code switch
    {
        NotConfigured => TokenState.NotConfigured,
        NeedsImport => TokenState.ActionRequired,
        _ => null,
    };

    /// <summary>Judges a request by the stored state alone.</summary>
    /// <param name="token">The row as read under the lease.</param>
    /// <param name="settings">The token's settings.</param>
    /// <param name="request">Who asks, and for what.</param>
    /// <param name="fingerprint">The digest of today's settings; another one than the stored lifts what a failure blocked.</param>
    /// <param name="now">The instant of the judgement.</param>
    public static RefreshEligibility For(Token token, ConfiguredToken settings, RefreshRequest request, string fingerprint, DateTimeOffset now) =>
        For(RefreshFacts.Of(token), settings, request, fingerprint, now);

    /// <inheritdoc cref="For(Token, ConfiguredToken, RefreshRequest, string, DateTimeOffset)"/>
    internal static RefreshEligibility For(RefreshFacts token, ConfiguredToken settings, RefreshRequest request, string fingerprint, DateTimeOffset now)
    {
        var question = new Question(token, settings, request, fingerprint, now);
        var rule = Rules.First(rule => rule.Holds(question));
        return new(rule.Code, rule.IsDue, rule.Sentence(question)) { DueAt = rule.Code == NotDue ? token.RefreshDueAt : null };
    }

    /// <summary>
    /// The rules for the due check in SQL, as a condition on a row of <c>tokens</c>. Its parameters: {0} the names and {1} the fingerprints of the providers that can
    /// be called; {2} now; {3} <see cref="PermanentCodes"/>; {4} <see cref="Token.RetryGrace"/>. The second line is what the indexes find; the rest is asked of those rows.
    /// </summary>
    internal const string IsDueSql =
        """
        tokens.provider = ANY ({0})
        AND (tokens.last_error_code IS NOT NULL OR tokens.access_token IS NULL OR tokens.refresh_due_at <= {2})
        AND tokens.origin <> 'undeclared'
        AND NOT (tokens."grant" = 'Imported' AND tokens.refresh_token IS NULL)
        AND (tokens.paused_at IS NULL OR tokens.paused_until <= {2})
        AND (((tokens.last_error_code IS NULL OR tokens.last_error_code <> ALL ({3}))
              AND (tokens.next_attempt_at IS NULL OR tokens.next_attempt_at + CASE WHEN tokens.retry_job_id IS NULL THEN interval '0' ELSE {4} END <= {2}))
             OR EXISTS (SELECT FROM unnest({0}, {1}) AS today (provider, fingerprint) WHERE today.provider = tokens.provider AND tokens.settings_fingerprint <> today.fingerprint))
        """;

    /// <summary>The stored codes of the failures that another try does not end.</summary>
    internal static string[] PermanentCodes { get; } = [.. FailureKinds.Permanent.Select(kind => kind.Code())];

    /// <summary>The parameters of <see cref="IsDueSql"/>.</summary>
    /// <param name="callable">The providers that can be called, with the digests of today's settings.</param>
    /// <param name="now">The instant of the judgement.</param>
    internal static object[] SqlParameters(IReadOnlyCollection<(string Provider, string Fingerprint)> callable, DateTimeOffset now) =>
        [callable.Select(provider => provider.Provider).ToArray(), callable.Select(provider => provider.Fingerprint).ToArray(), now, PermanentCodes, Token.RetryGrace];

    private static Rule No(string code, Func<Question, bool> holds, Func<Question, string> sentence) => new(code, false, holds, sentence);

    private static Rule Yes(string code, Func<Question, bool> holds, Func<Question, string> sentence) => new(code, true, holds, sentence);

    private sealed record Rule(string Code, bool IsDue, Func<Question, bool> Holds, Func<Question, string> Sentence);

    private sealed record Question(RefreshFacts Token, ConfiguredToken Settings, RefreshRequest Request, string Fingerprint, DateTimeOffset Now)
    {
        public bool IsByPerson => Request.Trigger is RefreshTrigger.Manual or RefreshTrigger.Forced;

        public bool IsForReader => Request.Trigger == RefreshTrigger.OnDemand;

        public bool AreSettingsChanged => Token.SettingsFingerprint is { } last && last != Fingerprint;

        public bool IsHeldBack => !IsByPerson && !AreSettingsChanged;

        public bool IsRetryOfJob => Request.JobId is not null && Request.JobId == Token.RetryJobId;

        // The provider may accept the credentials again.
        public bool IsTriedByBackup => Request.Trigger == RefreshTrigger.Backup && Token.Failure == FailureKind.CredentialRejected;
    }
}
