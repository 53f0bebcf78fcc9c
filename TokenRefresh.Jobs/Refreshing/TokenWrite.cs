using System.Text.Json;
using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>A refresh's result with all that its save writes, sealed as it will be in the row. An issued token is kept as a file of this while it cannot be saved.</summary>
/// <param name="Version">The stored version that the change was made from.</param>
/// <param name="Lease">The lease under which it was read.</param>
/// <param name="AttemptId">The number of the attempt's row when it was written.</param>
/// <param name="Attempt">What the attempt's row said, for a database that has lost it; null in files of the first versions.</param>
internal sealed record TokenWrite(TokenChange Change, long Version, string? Lease, long AttemptId, AttemptRow? Attempt, AttemptResult Result)
{
    /// <summary>The token's name.</summary>
    public string Token => Change.Token;

    public static TokenWrite Of(Token read, TokenChange change, RefreshAttempt attempt, AttemptResult result) =>
        new(change, read.Version, read.LeaseOwner, attempt.Id, AttemptRow.Of(attempt), result);

    /// <summary>Reads a file.</summary>
    /// <exception cref="JsonException">It holds something else.</exception>
    public static TokenWrite Read(string json)
    {
        var file = JsonNode.Parse(json) as JsonObject ?? throw new JsonException("Not an object.");
        var write = file.ContainsKey(nameof(Change)) ? file.Deserialize<TokenWrite>() : file.Deserialize<EarlierFile>()?.Write();
        return write is { Change.Token.Length: > 0, Result: not null } ? write : throw new JsonException("Not a token.");
    }

    public override string ToString() => $"{nameof(TokenWrite)} {{ {Token} }}";

    /// <summary>What versions before this one kept: a token may wait on disk while the program is updated.</summary>
    private sealed record EarlierFile(
        string Token, long ReadVersion, long AttemptId, string? LeaseOwner, string AccessToken, string? RefreshToken, DateTimeOffset IssuedAt,
        DateTimeOffset ExpiresAt, DateTimeOffset? RefreshExpiresAt, DateTimeOffset DueAt, string DueReason, string Metadata, string AttemptMetadata = "{}", long? DurationMs = null)
    {
        public string? SettingsFingerprint { get; init; }

        public AttemptRow? Attempt { get; init; }

        public TokenWrite Write() => new(
            new(Token)
            {
                Stored = new(AccessToken, RefreshToken, IssuedAt, ExpiresAt, RefreshExpiresAt, DueAt, DueReason, Metadata, IssuedAt),
                Failures = FailureState.None,
                Contact = new(IssuedAt, SettingsFingerprint),
                LookedAt = IssuedAt,
                EndsRefresh = true,
            },
            ReadVersion, LeaseOwner, AttemptId, Attempt,
            AttemptResult.Succeeded(
                Attempt?.Message ?? "Refreshed; saved after the database was back.", AttemptMetadata, (DateTimeOffset?)JsonNode.Parse(AttemptMetadata)?["old_expires_at"], ExpiresAt,
                TimeSpan.FromMilliseconds(DurationMs ?? 0)));

        public override string ToString() => $"{nameof(EarlierFile)} {{ {Token} }}";
    }
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
