namespace TokenRefresh.Providers;

/// <summary>What a provider issued. Holds secrets, so it never prints them.</summary>
/// <param name="AccessToken">The bearer token.</param>
/// <param name="RefreshToken">Renews the access token; null means that the answer had none, so a stored one stays.</param>
/// <param name="RequestedAt">The instant before the request was sent: lifetimes count from it.</param>
/// <param name="ExpiresAt">The earliest of the expiries that the provider states or promises.</param>
/// <param name="RefreshExpiresAt">When the refresh token expires; null if the provider does not say.</param>
/// <param name="Scopes">The granted scopes, empty where the provider does not say.</param>
public sealed record IssuedToken(
    string AccessToken,
    string? RefreshToken,
    DateTimeOffset RequestedAt,
    DateTimeOffset ExpiresAt,
    DateTimeOffset? RefreshExpiresAt,
    IReadOnlyList<string> Scopes)
{
    /// <summary>How long the answer says that the token is valid, whatever the token says of itself; null where it does not.</summary>
    public TimeSpan? StatedLife { get; init; }

    /// <summary>The longest lifetime that is believed; where a provider states a longer one it means "never", or nothing.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(366);

    /// <summary>The most characters that a token may have.</summary>
    public const int LongestSecret = 64 * 1024;

    /// <summary>What was odd about the answer and how it was read, in short sentences for people; it costs no token. Without secrets.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <inheritdoc />
    public override string ToString() => $"{nameof(IssuedToken)} {{ {nameof(ExpiresAt)} = {ExpiresAt:O} }}";
}

/// <summary>The stored token that a renewal, a probe or a revocation works with. Holds secrets, so it never prints them.</summary>
/// <param name="AccessToken">The bearer token; it may have expired.</param>
/// <param name="RefreshToken">The refresh token, if the provider gave one.</param>
public sealed record HeldToken(string AccessToken, string? RefreshToken)
{
    /// <inheritdoc />
    public override string ToString() => nameof(HeldToken);
}

/// <summary>How a token is obtained, and obtained again.</summary>
public enum Grant
{
    /// <summary>The provider's credentials are enough.</summary>
    ClientCredentials,

    /// <summary>A person started the grant elsewhere and imported the token; without a refresh token only a person can start it again.</summary>
    Imported,
}

/// <summary>The token that is asked for, as the settings describe it. No secrets.</summary>
/// <param name="Name">The token's name, for example <c>fino_kyc</c>.</param>
/// <param name="Scopes">The scopes to ask for; empty where the provider knows none.</param>
/// <param name="Grant">How the token is started.</param>
/// <param name="Parameters">Further parameters that the provider's documentation names for this token, for example <c>bank</c>.</param>
public sealed record TokenOrder(string Name, IReadOnlyList<string> Scopes, Grant Grant, IReadOnlyDictionary<string, string> Parameters);
