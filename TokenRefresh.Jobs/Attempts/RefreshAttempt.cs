using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>The states of an attempt, stored as the lower-case name.</summary>
public enum AttemptStatus
{
    /// <summary>Written before the provider is called.</summary>
    Running,

    /// <summary>A token was issued and saved.</summary>
    Success,

    /// <summary>The provider was asked, or was to be asked, and no token came of it.</summary>
    Failed,

    /// <summary>There was nothing to do; the message says why.</summary>
    Skipped,
}

/// <summary>A row of the log: one attempt at one token, with who, why, how long and what came of it. No secrets.</summary>
public sealed class RefreshAttempt
{
    private RefreshAttempt()
    {
    }

    /// <summary>Grows with time; the key of paging.</summary>
    public long Id { get; private set; }

    /// <summary>The provider's name.</summary>
    public string Provider { get; private set; } = "";

    /// <summary>The token's name.</summary>
    public string TokenName { get; private set; } = "";

    /// <summary>How it stands.</summary>
    public AttemptStatus Status { get; private set; }

    /// <summary>What set it off.</summary>
    public RefreshTrigger TriggerType { get; private set; }

    /// <summary>Who set it off, for example <c>schedule</c>, <c>cli:root</c>, a user or a client.</summary>
    public string TriggeredBy { get; private set; } = "";

    /// <summary>A sentence: why it was due, why it was skipped, or what came of it.</summary>
    public string Message { get; private set; } = "";

    /// <summary>When the token that was stored before expires; null where there was none.</summary>
    public DateTimeOffset? OldExpiresAt { get; private set; }

    /// <summary>When the token that was stored expires; null where none was.</summary>
    public DateTimeOffset? NewExpiresAt { get; private set; }

    /// <summary>The steps that were taken, status and track id of the provider. JSON.</summary>
    public string Metadata { get; private set; } = "{}";

    /// <summary>When it began.</summary>
    public DateTimeOffset StartedAt { get; private set; }

    /// <summary>When it ended; null while it runs.</summary>
    public DateTimeOffset? CompletedAt { get; private set; }

    /// <summary>How long it took by a monotonic clock, in milliseconds.</summary>
    public long? DurationMs { get; private set; }

    /// <summary>The kind of failure, as stored.</summary>
    public string? ErrorCode { get; private set; }

    /// <summary>The failure in the provider's own status, code and track id.</summary>
    public string? ErrorDetails { get; private set; }

    /// <summary>1 for a job's first run, 2 for its first retry, and so on.</summary>
    public int Attempt { get; private set; }

    /// <summary>The Hangfire job it belongs to, if any.</summary>
    public string? JobId { get; private set; }

    /// <summary>The node that made it.</summary>
    public string Node { get; private set; } = "";

    internal static RefreshAttempt Open(string provider, RefreshRequest request, string reason, string node, DateTimeOffset now) => new()
    {
        Provider = provider,
        TokenName = request.Token,
        Status = AttemptStatus.Running,
        TriggerType = request.Trigger,
        TriggeredBy = request.TriggeredBy,
        Message = reason,
        StartedAt = now,
        Attempt = request.Attempt,
        JobId = request.JobId,
        Node = node,
    };

    /// <param name="rule">The rule that decided so, a word without signs that JSON escapes.</param>
    internal static RefreshAttempt Skipped(string provider, RefreshRequest request, string reason, string node, DateTimeOffset now, string rule)
    {
        var row = Open(provider, request, reason, node, now);
        row.End(AttemptResult.Skipped(reason, rule), now);
        return row;
    }

    /// <summary>Its row was written under this number.</summary>
    internal void Number(long id) => Id = id;

    /// <summary>Ends it. A paused node's row may meanwhile have been closed as abandoned: what came of it is the truth.</summary>
    internal void End(AttemptResult result, DateTimeOffset now)
    {
        Status = result.Status;
        Message = result.Message;
        Metadata = result.Metadata;
        (OldExpiresAt, NewExpiresAt) = (result.OldExpiresAt, result.NewExpiresAt);
        (ErrorCode, ErrorDetails) = (result.ErrorCode, result.ErrorDetails);
        CompletedAt = now;
        DurationMs = result.DurationMs;
    }
}
