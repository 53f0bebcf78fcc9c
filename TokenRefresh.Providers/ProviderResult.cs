namespace TokenRefresh.Providers;

/// <summary>What came of asking a provider for a token: issued or failed, nothing else.</summary>
public abstract record ProviderResult
{
    private ProviderResult()
    {
    }

    /// <summary>The provider issued a token.</summary>
    /// <param name="Token">What it issued.</param>
    /// <param name="TrackId">The id under which the provider's support finds the call, where there is one.</param>
    public sealed record Issued(IssuedToken Token, string? TrackId) : ProviderResult
    {
        /// <summary>How this machine's clock stands to the provider's; null where the answer does not show it.</summary>
        public ClockReading? Clock { get; init; }

        /// <summary>The status of the answer; null where none is known.</summary>
        public int? HttpStatus { get; init; }

        /// <summary>What the log is to say of it, as a phrase that follows "Refreshed"; null for nothing.</summary>
        public string? Note { get; init; }

        /// <summary>Whether the credential that follows the present one got it; null where there is only one, or where the call needs none.</summary>
        public bool? IsByNextCredential { get; init; }
    }

    /// <summary>The provider refused, was silent or answered nonsense.</summary>
    public sealed record Failed(ProviderFailure Failure) : ProviderResult;
}

/// <summary>A failure in the provider's own words, without bodies, headers or secrets.</summary>
/// <param name="Kind">Decides what happens next.</param>
/// <param name="Reason">A sentence for people, for example <c>HTTP 401 invalid.credentials</c> or <c>answer is not JSON</c>.</param>
public sealed record ProviderFailure(FailureKind Kind, string Reason)
{
    /// <summary>The HTTP status, or null when no answer came.</summary>
    public int? HttpStatus { get; init; }

    /// <summary>The provider's own error code, at most 100 printable characters.</summary>
    public string? ProviderCode { get; init; }

    /// <summary>The id under which the provider's support finds the call.</summary>
    public string? TrackId { get; init; }

    /// <summary>True where the client itself was refused, before anything that it sent was looked at: a refresh token may be good, and waits for other credentials.</summary>
    public bool RefusesClient { get; init; }

    /// <summary>True where it is clear that the refresh token was refused, so that another credential of the client would not help.</summary>
    public bool RefusesRefreshToken { get; init; }

    /// <summary>How long the provider asked to be left alone.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What a provider's cheap authenticated call said about a stored token.</summary>
/// <param name="Accepted">True when the provider took the token.</param>
/// <param name="Latency">From sending the request to the end of the answer.</param>
/// <param name="Failure">Why it was not accepted; null when it was.</param>
public sealed record ProbeResult(bool Accepted, TimeSpan Latency, int? HttpStatus, ProviderFailure? Failure);
