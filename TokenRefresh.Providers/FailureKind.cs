namespace TokenRefresh.Providers;

/// <summary>Why a refresh did not bring a token. The kind, never the text beside it, decides what happens next.</summary>
public enum FailureKind
{
    /// <summary>No connection, a time-out or an answer of 5xx. Worth another try.</summary>
    ProviderDown,

    /// <summary>The provider asked for fewer calls (429). Worth another try, not before the time it named.</summary>
    RateLimited,

    /// <summary>An answer that is not what the provider's documentation promises: not JSON, fields missing or absurd, 200 with FAILED.</summary>
    InvalidResponse,

    /// <summary>The credentials, or the refresh token that was sent, were refused.</summary>
    CredentialRejected,

    /// <summary>The refresh token is invalid and only a person can start the grant again.</summary>
    GrantRevoked,

    /// <summary>Our own settings cannot work at this provider, for example a missing scope.</summary>
    Configuration,

    /// <summary>The process ended between the call and its record, so the result is unknown.</summary>
    Abandoned,

    /// <summary>A mistake of this program.</summary>
    Internal,
}

/// <summary>The names under which the kinds are stored and shown (<c>error_code</c>), and what each means for another try.</summary>
public static class FailureKinds
{
    /// <summary>The stored name of a kind, for example <c>provider_down</c>.</summary>
    public static string Code(this FailureKind kind) => kind switch
    {
        FailureKind.ProviderDown => "provider_down",
        FailureKind.RateLimited => "rate_limited",
        FailureKind.InvalidResponse => "invalid_response",
        FailureKind.CredentialRejected => "credential_rejected",
        FailureKind.GrantRevoked => "grant_revoked",
        FailureKind.Configuration => "configuration",
        FailureKind.Abandoned => "abandoned",
        FailureKind.Internal => "internal",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>The kind of a stored name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The name is none of the stored ones.</exception>
    public static FailureKind Parse(string code) =>
        Enum.GetValues<FailureKind>().FirstOrDefault(kind => kind.Code() == code, (FailureKind)(-1)) is var found && Enum.IsDefined(found)
            ? found
            : throw new ArgumentOutOfRangeException(nameof(code), code, "not a failure kind");

    /// <summary>False if another automatic attempt cannot help: a person must change credentials, settings or the grant first.</summary>
    public static bool IsRetryable(this FailureKind kind) =>
        kind is not (FailureKind.CredentialRejected or FailureKind.GrantRevoked or FailureKind.Configuration);

    /// <summary>The kinds that are not <see cref="IsRetryable"/>.</summary>
    public static IReadOnlyList<FailureKind> Permanent { get; } = [.. Enum.GetValues<FailureKind>().Where(kind => !kind.IsRetryable())];
}
