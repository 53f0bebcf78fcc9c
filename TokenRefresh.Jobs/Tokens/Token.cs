using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>A token's row: what is stored of it, when it is due, and how it has fared. Secrets are sealed before they come here.</summary>
public sealed class Token : ISealedPair
{
    private const string RestoredFromName = "restored_from";

    private Token()
    {
    }

    /// <summary>The token's name, its key.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The provider's name.</summary>
    public string Provider { get; private set; } = "";

    /// <summary>The sealed bearer token; null until it was first obtained.</summary>
    public string? AccessToken { get; private set; }

    /// <summary>The sealed refresh token, if the provider ever gave one.</summary>
    public string? RefreshToken { get; private set; }

    /// <summary>Counts the tokens that were stored under this name; a writer that read an older one loses.</summary>
    public long Version { get; private set; }

    /// <summary>The instant before the stored token was asked for.</summary>
    public DateTimeOffset? IssuedAt { get; private set; }

    /// <summary>When the stored token expires.</summary>
    public DateTimeOffset? ExpiresAt { get; private set; }

    /// <summary>When the stored refresh token expires; null if the provider does not say.</summary>
    public DateTimeOffset? RefreshExpiresAt { get; private set; }

    /// <summary>From when on the token is to be refreshed; null only where nothing can be done without a person.</summary>
    public DateTimeOffset? RefreshDueAt { get; private set; }

    /// <summary>Why it is due then, as a phrase.</summary>
    public string DueReason { get; private set; } = "";

    /// <summary>After a failure that may pass: when it is retried. Null where nothing failed, or where a retry is of no use.</summary>
    public DateTimeOffset? NextAttemptAt { get; private set; }

    /// <summary>The Hangfire job that makes that retry, as it has retries left; null where the due check does.</summary>
    public string? RetryJobId { get; private set; }

    /// <summary>How long the due check waits for a job's retry before it makes the retry itself.</summary>
    internal static readonly TimeSpan RetryGrace = TimeSpan.FromMinutes(1);

    /// <summary>After a failure: until then only a person, or the job that makes the retry, tries it.</summary>
    public DateTimeOffset? LeftAloneUntil => RetryJobId is null ? NextAttemptAt : NextAttemptAt + RetryGrace;

    /// <summary>When it is refreshed next by itself: a failing token at its retry, whatever it was due at before; any other when it is due.</summary>
    public DateTimeOffset? NextDueAt => NextAttemptAt ?? RefreshDueAt;

    /// <summary>Until then a job for this token is expected to start, so the due check enqueues no second one.</summary>
    public DateTimeOffset? QueuedUntil { get; private set; }

    /// <summary>When a refresh was last considered, skipped ones included.</summary>
    public DateTimeOffset? LastLookedAt { get; private set; }

    /// <summary>When the provider was last asked.</summary>
    public DateTimeOffset? LastAttemptAt { get; private set; }

    /// <summary>When the provider last issued a token.</summary>
    public DateTimeOffset? LastSuccessAt { get; private set; }

    /// <summary>When a program last read the token.</summary>
    public DateTimeOffset? LastUsedAt { get; private set; }

    /// <summary>Failed attempts since the last success.</summary>
    public int ConsecutiveFailures { get; private set; }

    internal string FailuresInWords => ConsecutiveFailures == 1 ? "1 failure" : $"{ConsecutiveFailures} failures";

    /// <summary>The kind of the last failure since the last success, as stored (<see cref="FailureKinds.Code"/>).</summary>
    public string? LastErrorCode { get; private set; }

    /// <summary>The last failure in words.</summary>
    public string? LastError { get; private set; }

    /// <summary>A keyed digest of the settings that the last attempt used; another value lifts a block.</summary>
    public string? SettingsFingerprint { get; private set; }

    /// <summary>For people who query the table: true while the token is in the settings and not paused.</summary>
    public bool IsActive { get; private set; }

    /// <summary>Since when the token is paused; null when it is not.</summary>
    public DateTimeOffset? PausedAt { get; private set; }

    /// <summary>When the pause ends by itself; null for never.</summary>
    public DateTimeOffset? PausedUntil { get; private set; }

    /// <summary>Who paused the token, and why.</summary>
    public string? PauseReason { get; private set; }

    /// <summary>Who refreshes the token now.</summary>
    public string? LeaseOwner { get; private set; }

    /// <summary>Until when that holds, by the database's clock.</summary>
    public DateTimeOffset? LeaseUntil { get; private set; }

    /// <summary>What the provider said beside the token, such as the granted scopes. JSON, no secrets.</summary>
    public string Metadata { get; private set; } = "{}";

    /// <summary>When the row was made.</summary>
    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>The kind of the last failure since the last success.</summary>
    public FailureKind? LastFailure => LastErrorCode is null ? null : FailureKinds.Parse(LastErrorCode);

    /// <summary>True where the last refresh failed for a reason that only changed settings or a person can remove.</summary>
    public bool WaitsForPerson => LastFailure is { } kind && !kind.IsRetryable();

    /// <summary>Of a token that was saved back after the database went back in time: the version under which it was stored before.</summary>
    public long? RestoredFrom => Metadata.Contains(RestoredFromName, StringComparison.Ordinal) && JsonNode.Parse(Metadata)?[RestoredFromName] is { } version ? version.GetValue<long>() : null;

    /// <summary>True while a pause holds.</summary>
    public bool IsPaused(DateTimeOffset now) => TokenHealth.IsPaused(PausedAt, PausedUntil, now);

    /// <summary>True if there is a token that has not expired.</summary>
    public bool IsValid(DateTimeOffset now) => AccessToken is not null && ExpiresAt > now;

    internal static Token New(string name, DateTimeOffset now) => new()
    {
        Name = name,
        CreatedAt = now,
        RefreshDueAt = now,
        DueReason = "never obtained yet",
    };

    internal void Configure(ConfiguredToken settings) => (Provider, IsActive) = AsConfigured(settings, PausedAt);

    /// <summary>What the settings make of a row.</summary>
    internal static (string Provider, bool IsActive) AsConfigured(ConfiguredToken settings, DateTimeOffset? pausedAt) => (settings.Provider.Name, pausedAt is null);

    internal void Unconfigure() => IsActive = false;

    internal void Looked(DateTimeOffset now) => LastLookedAt = now;

    internal void Attempted(DateTimeOffset now, string fingerprint)
    {
        LastLookedAt = LastAttemptAt = now;
        SettingsFingerprint = fingerprint;
        QueuedUntil = null;
    }

    /// <summary>Takes over what was issued. An answer without a refresh token leaves the stored one as it is.</summary>
    internal void Accept(IssuedToken issued, string sealedAccess, string? sealedRefresh, RenewalPlan plan, string metadata, DateTimeOffset now)
    {
        AccessToken = sealedAccess;
        if (sealedRefresh is not null)
        {
            RefreshToken = sealedRefresh;
            RefreshExpiresAt = issued.RefreshExpiresAt;
        }
        else if (RefreshToken is not null && issued.RefreshExpiresAt is { } end)
        {
            // The answer has none because the stored one goes on, and says until when.
            RefreshExpiresAt = end;
        }

        Version++;
        IssuedAt = issued.RequestedAt;
        ExpiresAt = issued.ExpiresAt;
        RefreshDueAt = plan.DueAt;
        DueReason = plan.Reason;
        LastSuccessAt = now;
        Metadata = metadata;
        ConsecutiveFailures = 0;
        NextAttemptAt = null;
        RetryJobId = LastErrorCode = LastError = null;
    }

    /// <summary>The grant was replaced by one without a refresh token: the old one belongs to a grant that is gone, and must not be sent.</summary>
    internal void RemoveRefreshToken() => (RefreshToken, RefreshExpiresAt) = (null, null);

    /// <summary>Takes over an answer that could not be saved when it came.</summary>
    internal void AcceptSealed(UnsavedToken answer, long version, DateTimeOffset now)
    {
        AccessToken = answer.AccessToken;
        RefreshToken = answer.RefreshToken;
        RefreshExpiresAt = answer.RefreshExpiresAt;
        Version = version;
        IssuedAt = answer.IssuedAt;
        ExpiresAt = answer.ExpiresAt;
        RefreshDueAt = answer.DueAt;
        DueReason = answer.DueReason;
        Metadata = answer.Metadata;
        LastLookedAt = now;
        LastAttemptAt = answer.IssuedAt;
        LastSuccessAt = now;
        SettingsFingerprint = answer.SettingsFingerprint ?? SettingsFingerprint;
        ConsecutiveFailures = 0;
        NextAttemptAt = null;
        RetryJobId = LastErrorCode = LastError = null;
    }

    /// <summary>Takes over what a node still holds of a later time than the database's: all that it was when it was read, but for its version.</summary>
    internal void Restore(Token held, long version)
    {
        AccessToken = held.AccessToken;
        RefreshToken = held.RefreshToken;
        RefreshExpiresAt = held.RefreshExpiresAt;
        Version = version;
        IssuedAt = held.IssuedAt;
        ExpiresAt = held.ExpiresAt;
        RefreshDueAt = held.RefreshDueAt;
        DueReason = held.DueReason;
        LastAttemptAt = held.LastAttemptAt;
        LastSuccessAt = held.LastSuccessAt;
        SettingsFingerprint = held.SettingsFingerprint;
        ConsecutiveFailures = held.ConsecutiveFailures;
        NextAttemptAt = held.NextAttemptAt;
        (LastErrorCode, LastError, RetryJobId) = (held.LastErrorCode, held.LastError, null);
        var metadata = JsonNode.Parse(held.Metadata)!.AsObject();
        metadata[RestoredFromName] = held.RestoredFrom ?? held.Version;
        Metadata = metadata.ToJsonString();
    }

    /// <summary>Gives the stored token a version that no other token had.</summary>
    internal void Renumber(long version) => Version = version;

    /// <summary>Takes over what an import had replaced. What failed since then says nothing about it.</summary>
    internal void TakeBack(ReplacedToken replaced, RenewalPlan plan, DateTimeOffset now)
    {
        AccessToken = replaced.AccessToken;
        RefreshToken = replaced.RefreshToken;
        RefreshExpiresAt = replaced.RefreshExpiresAt;
        Version++;
        IssuedAt = replaced.IssuedAt;
        ExpiresAt = replaced.ExpiresAt;
        RefreshDueAt = plan.DueAt;
        DueReason = plan.Reason;
        Metadata = replaced.Metadata;
        LastSuccessAt = now;
        ConsecutiveFailures = 0;
        NextAttemptAt = null;
        RetryJobId = LastErrorCode = LastError = null;
    }

    /// <summary>Nothing but a person can renew what was just stored.</summary>
    internal void LeaveToPerson() => (RefreshDueAt, DueReason) = (null, "only a person can start it again");

    /// <summary>The provider has refused the stored refresh token: it stays, but is not sent again.</summary>
    internal void RetireRefreshToken(DateTimeOffset now) => RefreshExpiresAt = now;

    /// <summary>Records a failure; the stored token stays as it is.</summary>
    internal void RecordFailure(ProviderFailure failure, DateTimeOffset? nextAttemptAt, string? retryJobId)
    {
        ConsecutiveFailures++;
        LastErrorCode = failure.Kind.Code();
        LastError = failure.Reason;
        NextAttemptAt = nextAttemptAt;
        RetryJobId = retryJobId;
    }

    internal void Release()
    {
        LeaseOwner = null;
        LeaseUntil = null;
        QueuedUntil = null;
    }

    internal void Pause(DateTimeOffset now, DateTimeOffset? until, string reason)
    {
        PausedAt = now;
        PausedUntil = until;
        PauseReason = reason;
        IsActive = false;
    }

    internal void Resume()
    {
        PausedAt = PausedUntil = null;
        PauseReason = null;
        IsActive = true;
    }
}
