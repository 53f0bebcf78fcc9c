using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>A token's row: what is stored of it, when it is due, and how it has fared. Secrets are sealed before they come here.</summary>
public sealed class Token : ISealedPair
{
    private const string RestoredFromName = "restored_from", OnlyByPerson = "only a person can start it again";

    private Token()
    {
    }

    /// <summary>The token's name, its key.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The provider's name.</summary>
    public string Provider { get; private set; } = "";

    /// <summary>Who made it.</summary>
    public Origin Origin { get; private set; }

    /// <summary>The scopes that are asked for.</summary>
    public List<string> Scopes { get; private set; } = [];

    /// <summary>How it is started.</summary>
    public Grant Grant { get; private set; }

    /// <summary>What the provider is told beside the scopes, by key: JSON.</summary>
    public string Parameters { get; private set; } = "{}";

    /// <summary>What people note about it, by key: JSON.</summary>
    public string Labels { get; private set; } = "{}";

    /// <summary>Whom it belongs to, sealed; null where no one was named.</summary>
    public string? Subject { get; private set; }

    /// <summary>The keyed hash by which its subject is found.</summary>
    public string? SubjectHash { get; private set; }

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

    /// <summary>Of a token without a valid value: from when on that has its present cause, where it had another before; null where it has had one cause since the expiry.</summary>
    public DateTimeOffset? GapFrom { get; private set; }

    /// <summary>Failed attempts since the last success.</summary>
    public int ConsecutiveFailures { get; private set; }

    internal string FailuresInWords => ConsecutiveFailures == 1 ? "1 failure" : $"{ConsecutiveFailures} failures";

    /// <summary>The kind of the last failure since the last success, as stored (<see cref="FailureKinds.Code"/>).</summary>
    public string? LastErrorCode { get; private set; }

    /// <summary>The last failure in words.</summary>
    public string? LastError { get; private set; }

    /// <summary>A keyed digest of the provider's settings that the last attempt used; another value lifts a block.</summary>
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

    /// <summary>True where a newer token is stored than the one under this version, for which a version that a save after a lost commit skipped to does not count.</summary>
    internal bool IsPast(long version) => (RestoredFrom ?? Version) > version;

    /// <summary>True while a pause holds.</summary>
    public bool IsPaused(DateTimeOffset now) => TokenHealth.IsPaused(PausedAt, PausedUntil, now);

    /// <summary>True if there is a token that has not expired.</summary>
    public bool IsValid(DateTimeOffset now) => AccessToken is not null && ExpiresAt > now;

    /// <param name="version">The last version that was stored under this name, which is never used again; 0 for none.</param>
    internal static Token New(string name, DateTimeOffset now, long version = 0) => new()
    {
        Name = name,
        Version = version,
        CreatedAt = now,
        RefreshDueAt = now,
        DueReason = "never obtained yet",
    };

    internal void Configure(ConfiguredToken settings)
    {
        var definition = TokenDefinition.Of(settings);
        if (Provider.Length > 0 && !(Definition with { Origin = definition.Origin, Labels = definition.Labels }).Equals(definition))
        {
            // What was refused with the old definition may be granted with the new one.
            SettingsFingerprint = "";
        }

        (Provider, IsActive, Origin, Grant) = (definition.Provider, PausedAt is null, definition.Origin, definition.Grant);
        (Scopes, Parameters, Labels) = ([.. definition.Scopes], definition.Parameters, definition.Labels);
    }

    /// <summary>The same row with other sealed secrets, and its texts as <paramref name="share"/> gives them back.</summary>
    internal Token Copy(string? accessToken, string? refreshToken, Func<string?, string?> share)
    {
        var copy = (Token)MemberwiseClone();
        (copy.AccessToken, copy.RefreshToken) = (accessToken, refreshToken);
        (copy.Provider, copy.Parameters, copy.Labels, copy.Metadata, copy.DueReason) = (share(Provider)!, share(Parameters)!, share(Labels)!, share(Metadata)!, share(DueReason)!);
        (copy.SettingsFingerprint, copy.LastErrorCode) = (share(SettingsFingerprint), share(LastErrorCode));
        return copy;
    }

    /// <summary>True where both rows say the same of what the token is, as the database writes it.</summary>
    internal bool IsDefinedAs(Token other) =>
        (Provider, Origin, Grant, Parameters, Labels) == (other.Provider, other.Origin, other.Grant, other.Parameters, other.Labels) && Scopes.SequenceEqual(other.Scopes, StringComparer.Ordinal);

    /// <summary>What it is.</summary>
    internal TokenDefinition Definition => new(Provider, Origin, Scopes, Grant, Parameters, Labels) { SubjectHash = SubjectHash };

    /// <summary>It belongs to someone from now on, or to no one.</summary>
    internal void Assign(SealedSubject? subject) => (Subject, SubjectHash) = (subject?.Sealed, subject?.Hash);

    /// <summary>It is to be another token from now on: what is stored is served while it is valid, and replaced at the next look.</summary>
    internal void Redefine(ConfiguredToken settings, DateTimeOffset now)
    {
        var (before, after) = (Definition, TokenDefinition.Of(settings));
        Configure(settings);
        if (before with { Labels = after.Labels, SubjectHash = after.SubjectHash } != after)
        {
            (RefreshDueAt, DueReason, NextAttemptAt) = (now, "its definition was changed", null);
        }
    }

    /// <summary>The settings do not declare it any more.</summary>
    internal void Unconfigure() => (IsActive, Origin) = (false, Origin.Undeclared);

    /// <summary>What is stored now; null where no token was obtained yet.</summary>
    private StoredToken? Stored => AccessToken is null
        ? null
        : new(AccessToken, RefreshToken, IssuedAt, ExpiresAt, RefreshExpiresAt, RefreshDueAt, DueReason, Metadata, LastSuccessAt);

    /// <summary>A provider has issued a token. An answer without a refresh token leaves the stored one as it is.</summary>
    internal TokenChange Issued(IssuedToken issued, string sealedAccess, string? sealedRefresh, RenewalPlan plan, string metadata, ProviderContact contact, DateTimeOffset now) => new(Name)
    {
        // An answer that has no refresh token because the stored one goes on may say until when.
        Stored = new StoredToken(
            sealedAccess, sealedRefresh ?? RefreshToken, issued.RequestedAt, issued.ExpiresAt,
            sealedRefresh is not null ? issued.RefreshExpiresAt : RefreshToken is not null ? issued.RefreshExpiresAt ?? RefreshExpiresAt : RefreshExpiresAt,
            plan.DueAt, plan.Reason, metadata, now),
        Failures = FailureState.None,
        Contact = contact,
        LookedAt = contact.At,
        EndsRefresh = true,
    };

    /// <summary>
    /// The provider has issued a token anew after it refused the stored refresh token: that one stays, but is not sent again.
    /// </summary>
    internal static TokenChange WithoutRefusedRefreshToken(TokenChange issued, DateTimeOffset now) =>
        issued with { Stored = issued.Stored! with { RefreshExpiresAt = now } };

    /// <summary>A refresh failed; the stored token stays as it is.</summary>
    internal TokenChange Failed(ProviderFailure failure, DateTimeOffset? nextAttemptAt, string? retryJobId, ProviderContact contact) => new(Name)
    {
        Failures = new(ConsecutiveFailures + 1, failure.Kind.Code(), failure.Reason, nextAttemptAt, retryJobId),
        Contact = contact,
        LookedAt = contact.At,
        EndsRefresh = true,
    };

    /// <summary>The time without a valid value that a change ends; null where there was none, or where the change brings no value.</summary>
    internal UnavailableInterval? GapEndedBy(TokenChange change) => change.Stored?.LastSuccessAt is { } to ? GapUntil(to) : null;

    /// <summary>
    /// The time without a valid value that ends under its present cause, because another one begins; null where there is none. A gap in which a pause
    /// begins or ends is two: one of them counts against the objective, and the other does not.
    /// </summary>
    internal UnavailableInterval? EndGapOfThisCause(DateTimeOffset now)
    {
        var ended = GapUntil(now);
        GapFrom = ended is null ? GapFrom : now;
        return ended;
    }

    private UnavailableInterval? GapUntil(DateTimeOffset to)
    {
        if (AccessToken is null || ExpiresAt is not { } expired)
        {
            return null;
        }

        // A value that had expired before it came, as one that was rolled back to, leaves the gap before it as it was recorded then.
        var from = new[] { expired, LastSuccessAt, GapFrom }.Max()!.Value;
        return from < to
            ? new() { TokenName = Name, From = from, To = to, Cause = PausedAt is not null ? UnavailableInterval.Paused : !IsActive ? UnavailableInterval.NotConfigured : LastErrorCode ?? UnavailableInterval.NotRefreshed }
            : null;
    }

    /// <summary>A refresh was considered, and there was nothing to do.</summary>
    internal TokenChange Skipped(DateTimeOffset now) => new(Name) { LookedAt = now, EndsRefresh = true };

    /// <summary>A person has brought a token from elsewhere. The grant before it is gone, so its refresh token goes too, whatever comes with the new one.</summary>
    /// <param name="plan">When it is due; null where only a person can start it again.</param>
    internal TokenChange Imported(IssuedToken issued, string sealedAccess, string? sealedRefresh, RenewalPlan? plan, string metadata, DateTimeOffset now) => new(Name)
    {
        Stored = new(
            sealedAccess, sealedRefresh, issued.RequestedAt, issued.ExpiresAt, sealedRefresh is null ? null : issued.RefreshExpiresAt,
            plan?.DueAt, plan?.Reason ?? OnlyByPerson, metadata, now),
        Failures = FailureState.None,
    };

    /// <summary>An import is taken back: what it had replaced is stored again. What failed since then says nothing about it.</summary>
    /// <param name="plan">When it is due; null where only a person can start it again.</param>
    internal TokenChange RolledBack(ReplacedToken replaced, RenewalPlan? plan, DateTimeOffset now) => new(Name)
    {
        Stored = new(
            replaced.AccessToken!, replaced.RefreshToken, replaced.IssuedAt, replaced.ExpiresAt, replaced.RefreshExpiresAt,
            plan?.DueAt, plan?.Reason ?? OnlyByPerson, replaced.Metadata, now),
        Failures = FailureState.None,
    };

    /// <summary>The database went back in time, and this row is of a later time: all that it was when it was read, but for its version, and whose retry it was.</summary>
    internal TokenChange Restored()
    {
        var metadata = JsonNode.Parse(Metadata)!.AsObject();
        metadata[RestoredFromName] = RestoredFrom ?? Version;
        return new(Name)
        {
            Stored = Stored! with { Metadata = metadata.ToJsonString() },
            Failures = new(ConsecutiveFailures, LastErrorCode, LastError, NextAttemptAt, null),
            Contact = LastAttemptAt is { } at ? new(at, SettingsFingerprint) : null,
        };
    }

    /// <summary>The stored token gets a version that no other had.</summary>
    internal TokenChange Renumbered() => new(Name) { IsRenumbered = true };

    /// <summary>The row as it is after a change; this one stays as it was read.</summary>
    /// <param name="version">What a new token is numbered.</param>
    internal Token With(TokenChange change, long version)
    {
        var written = (Token)MemberwiseClone();
        written.Apply(change, version);
        return written;
    }

    /// <summary>Takes a change over. The only method that changes the stored token, or how its refreshes fare.</summary>
    /// <param name="version">What a new token is numbered.</param>
    internal void Apply(TokenChange change, long version)
    {
        Version = change.TakesNewVersion ? version : Version;
        if (change.Stored is { } stored)
        {
            (AccessToken, RefreshToken, IssuedAt, ExpiresAt, RefreshExpiresAt) = (stored.AccessToken, stored.RefreshToken, stored.IssuedAt, stored.ExpiresAt, stored.RefreshExpiresAt);
            (RefreshDueAt, DueReason, Metadata, LastSuccessAt) = (stored.RefreshDueAt, stored.DueReason, stored.Metadata, stored.LastSuccessAt);
            GapFrom = null;
        }

        if (change.Failures is { } failures)
        {
            (ConsecutiveFailures, LastErrorCode, LastError) = (failures.Count, failures.Code, failures.Reason);
            (NextAttemptAt, RetryJobId) = (failures.NextAttemptAt, failures.RetryJobId);
        }

        if (change.Contact is { } contact)
        {
            (LastAttemptAt, SettingsFingerprint) = (contact.At, contact.SettingsFingerprint ?? SettingsFingerprint);
        }

        LastLookedAt = change.LookedAt ?? LastLookedAt;
        if (change.EndsRefresh)
        {
            (LeaseOwner, LeaseUntil, QueuedUntil) = (null, null, null);
        }
    }

    /// <summary>Pauses it; the time without a valid value that this ends under its cause, null where there is none.</summary>
    internal UnavailableInterval? Pause(DateTimeOffset now, DateTimeOffset? until, string reason)
    {
        var ended = EndGapOfThisCause(now);
        PausedAt = now;
        PausedUntil = until;
        PauseReason = reason;
        IsActive = false;
        return ended;
    }

    /// <summary>Ends a pause; the time without a valid value while it lasted, null where there was none.</summary>
    internal UnavailableInterval? Resume(DateTimeOffset now)
    {
        var ended = EndGapOfThisCause(now);
        PausedAt = PausedUntil = null;
        PauseReason = null;
        IsActive = true;
        return ended;
    }
}
