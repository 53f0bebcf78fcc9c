using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Health;

/// <summary>Who can renew a token.</summary>
public enum RenewedBy
{
    /// <summary>This program, with the provider's credentials.</summary>
    Itself,

    /// <summary>This program while the refresh token lives; after that only a person can start it again.</summary>
    RefreshToken,

    /// <summary>Only a person: by importing a new one, or by correcting what the provider refuses.</summary>
    Person,
}

/// <summary>One token as people see it. Of its secrets it tells only whether there is one: the sealed columns are not read.</summary>
public sealed record TokenView(ConfiguredToken Settings, TokenState State, Token? Stored, DateTimeOffset AsOf)
{
    /// <summary>The token's name.</summary>
    public string Name => Settings.Name;

    /// <summary>Time left; null without a token, negative once it has expired.</summary>
    public TimeSpan? TimeLeft => Stored?.ExpiresAt - AsOf;

    /// <summary>True while there is a token that has not expired.</summary>
    public bool IsValid => TimeLeft > TimeSpan.Zero;

    /// <summary>True if it needs no attention: a paused token counts while it is valid.</summary>
    public bool IsWell => Wellness(State, HasExpired);

    internal static bool Wellness(TokenState state, bool hasExpired) => state is TokenState.Healthy or TokenState.NotConfigured or TokenState.Pending || (state == TokenState.Paused && !hasExpired);

    /// <summary>True where there was a token, and it is not valid any more.</summary>
    public bool HasExpired => Stored is { AccessToken: not null } && TimeLeft <= TimeSpan.Zero;

    /// <summary>True where a refresh, or a person, is waited for.</summary>
    public bool NeedsRefresh => State is not (TokenState.NotConfigured or TokenState.Paused) && (State != TokenState.Healthy || Stored!.RefreshDueAt <= AsOf);

    /// <summary>True where the refresh that should have come by now has not, for no reason that is stored with the token.</summary>
    public bool IsLate => State is not (TokenState.NotConfigured or TokenState.Paused or TokenState.ActionRequired) && Stored is not null && TokenHealth.IsLate(Stored, AsOf);

    /// <summary>What will be tried by itself.</summary>
    public ScheduleOutlook Outlook { get; init; } = ScheduleOutlook.DueCheckAlone;

    /// <summary>Who can renew it as things stand.</summary>
    public RenewedBy RenewedBy => WaitsForPerson ? RenewedBy.Person
        : Settings.Order.Grant != Grant.Imported ? RenewedBy.Itself
        : Stored is { RefreshToken: not null } && (Stored.RefreshExpiresAt is null || Stored.RefreshExpiresAt > AsOf) ? RenewedBy.RefreshToken
        : RenewedBy.Person;

    /// <summary>True while a refresh of it is in flight.</summary>
    public bool IsInFlight => Stored?.LeaseUntil > AsOf;

    /// <summary>What the one rule answers the due check now.</summary>
    public RefreshEligibility Eligibility => Ask(RefreshTrigger.Due);

    /// <summary>When the due check or a job's retry comes: when it is due, a failing token when it is retried; null where time alone changes nothing. <see cref="NextRefreshAt"/> knows of paused jobs, too.</summary>
    public DateTimeOffset? PlannedAt => Eligibility.Code switch
    {
        RefreshEligibility.NotConfigured or RefreshEligibility.NeedsImport or RefreshEligibility.Paused or RefreshEligibility.Refused => null,
        _ when RenewedBy == RenewedBy.Person => null,
        _ => Stored is null ? AsOf : Stored.NextDueAt,
    };

    /// <summary>When it is refreshed next as things stand: a failing token at its retry, any other when it is due; null where nothing is planned.</summary>
    public DateTimeOffset? NextRefreshAt => Next?.At;

    /// <summary>Why then, or why nothing is planned.</summary>
    public string NextRefreshReason => (Eligibility.Code, this) switch
    {
        (RefreshEligibility.NotConfigured, _) => Settings.NotConfiguredBecause!,
        (RefreshEligibility.Paused, _) => $"paused: {Stored!.PauseReason}",
        (RefreshEligibility.Refused, { Next: not null }) => "retries stopped: update the credentials; the backup job still tries",
        (RefreshEligibility.Refused, _) => "retries stopped: update the credentials",
        (_, { RenewedBy: RenewedBy.Person, State: TokenState.ActionRequired }) => $"import it: tokens import {Name}",
        (_, { RenewedBy: RenewedBy.Person }) => "only a person can renew it: import a new one before it expires",
        (_, { Next: { IsBackup: true } }) => $"by the backup job; {Why}",
        (_, { Next: { At: var at } }) when at > PlannedAt && at > AsOf => $"the due check is paused; {Why}",
        _ => Why,
    };

    /// <summary>What the one rule answers now. The settings count as those of the last attempt: whether they have changed is found by the due check.</summary>
    internal RefreshEligibility Ask(RefreshTrigger trigger) =>
        RefreshEligibility.For(Stored ?? Token.New(Name, AsOf), Settings, new(Name, trigger, nameof(TokenView)), Stored?.SettingsFingerprint ?? "", AsOf);

    // What is overdue stays so: the outlook tells of what is still to come.
    private NextAttempt? Next => Outlook.Of(this) is { } next ? next with { At = next.At == Outlook.Now && PlannedAt < next.At ? PlannedAt.Value : next.At } : null;

    private string Why => Stored is null ? "never obtained yet" : Stored.LastFailure is null ? Stored.DueReason : AfterFailures;

    private string AfterFailures => $"after {Stored!.FailuresInWords} ({Stored.LastErrorCode})";

    /// <summary>The last outcome in words.</summary>
    public string LastOutcome => Stored switch
    {
        null or { LastAttemptAt: null, LastSuccessAt: null } => "never tried",
        { LastErrorCode: { } code } => $"{code}: {Stored.LastError}",
        _ => "success",
    };

    /// <summary>True where the last refresh failed for a reason that only changed settings or a person can remove.</summary>
    public bool WaitsForPerson => Stored?.WaitsForPerson == true;
}
