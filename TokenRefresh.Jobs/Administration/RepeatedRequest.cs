namespace TokenRefresh.Jobs.Administration;

/// <summary>What a request with an <c>Idempotency-Key</c> was answered, so that its repetition is answered the same and does nothing.</summary>
public sealed class RepeatedRequest
{
    /// <summary>The client's key id and the key that it chose.</summary>
    public string Key { get; init; } = "";

    /// <summary>A digest of what was asked; another one under the same key is an error.</summary>
    public string RequestDigest { get; init; } = "";

    /// <summary>The answer's body. JSON.</summary>
    public string Answer { get; init; } = "";

    /// <summary>When; kept for a day.</summary>
    public DateTimeOffset CreatedAt { get; init; }
}
