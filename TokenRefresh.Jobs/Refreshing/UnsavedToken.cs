using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>An issued token with all that its save writes, sealed as it will be in the row. Kept as a file while it cannot be saved.</summary>
/// <param name="ReadVersion">The stored version that was renewed.</param>
/// <param name="AttemptId">The number of the attempt's row when it was written.</param>
internal sealed record UnsavedToken(
    string Token, long ReadVersion, long AttemptId, string? LeaseOwner, string AccessToken, string? RefreshToken, DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt, DateTimeOffset? RefreshExpiresAt, DateTimeOffset DueAt, string DueReason, string Metadata, string AttemptMetadata = "{}", long? DurationMs = null)
{
    /// <summary>The digest of the settings that the call used.</summary>
    public string? SettingsFingerprint { get; init; }

    /// <summary>What the attempt's row said, for a database that has lost it; null in files of earlier versions.</summary>
    public AttemptRow? Attempt { get; init; }

    public static UnsavedToken Of(Token token, RefreshAttempt attempt, long readVersion, string? leaseOwner) => new(
        token.Name, readVersion, attempt.Id, leaseOwner, token.AccessToken!, token.RefreshToken, token.IssuedAt!.Value, token.ExpiresAt!.Value,
        token.RefreshExpiresAt, token.RefreshDueAt!.Value, token.DueReason, token.Metadata, attempt.Metadata, attempt.DurationMs)
    {
        SettingsFingerprint = token.SettingsFingerprint,
        Attempt = AttemptRow.Of(attempt),
    };

    public override string ToString() => $"{nameof(UnsavedToken)} {{ {Token} }}";
}

/// <summary>What identifies an attempt, and what its row is written from. Its number does not: a database that went back in time gives it out again.</summary>
internal sealed record AttemptRow(
    string Provider, string Token, RefreshTrigger Trigger, string TriggeredBy, string Message, DateTimeOffset StartedAt, int Number, string? JobId, string Node)
{
    public static AttemptRow Of(RefreshAttempt attempt) => new(
        attempt.Provider, attempt.TokenName, attempt.TriggerType, attempt.TriggeredBy, attempt.Message, attempt.StartedAt, attempt.Attempt, attempt.JobId, attempt.Node);

    /// <summary>The stored row of this attempt.</summary>
    public IQueryable<RefreshAttempt> In(IQueryable<RefreshAttempt> attempts) =>
        attempts.Where(row => row.TokenName == Token && row.Node == Node && row.StartedAt == StartedAt);

    /// <summary>The row as it was before the call, under a new number.</summary>
    public RefreshAttempt Open() =>
        RefreshAttempt.Open(Provider, new(Token, Trigger, TriggeredBy) { Attempt = Number, JobId = JobId }, Message, Node, StartedAt);
}
