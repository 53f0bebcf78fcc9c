using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>What a person brings cannot be a pair that works; the message says why and never repeats what was brought.</summary>
public sealed class ImportException(string message) : Exception(message);

/// <summary>A pair that a person brings. Holds secrets, so it never prints them.</summary>
public sealed record ImportedToken(string AccessToken, string? RefreshToken, DateTimeOffset ExpiresAt)
{
    /// <summary>Longer than any token of the providers, by far.</summary>
    public const int LongestSecret = 16 * 1024;

    private const int LongestYears = 10;

    /// <summary>Checks a pair; the expiry is the earlier of what is stated and what a JWT says of itself.</summary>
    /// <param name="stated">When the token dies, as a person states it; null to read it from the token.</param>
    /// <exception cref="ImportException">It cannot work.</exception>
    public static ImportedToken Of(string? accessToken, string? refreshToken, DateTimeOffset? stated, DateTimeOffset now)
    {
        var access = Secret("access_token", accessToken) ?? throw new ImportException("access_token is missing.");
        var refresh = Secret("refresh_token", refreshToken);
        var own = JwtExpiry.Of(access);
        if ((own is null || stated < own ? stated : own) is not { } expires)
        {
            throw new ImportException("expires_at is missing, and the token is no JWT that would tell when it expires.");
        }

        return expires > now && expires < now.AddYears(LongestYears)
            ? new(access, refresh, expires.ToUniversalTime())
            : throw new ImportException(
                $"{(expires == own ? "The token says of itself that it expires" : "expires_at is")} {expires.ToUniversalTime():u}; that must lie ahead, by ten years at most.");
    }

    /// <inheritdoc />
    public override string ToString() => $"{nameof(ImportedToken)} {{ {nameof(ExpiresAt)} = {ExpiresAt:O} }}";

    private static string? Secret(string field, string? text) => text switch
    {
        null => null,
        { Length: > LongestSecret } => throw new ImportException($"{field} is longer than {LongestSecret} characters; that is no token."),
        _ when text.Length == 0 || text.Any(sign => sign is <= ' ' or > '~') => throw new ImportException($"{field} is blank, or holds white space or characters that no header can carry."),
        _ => text,
    };
}
