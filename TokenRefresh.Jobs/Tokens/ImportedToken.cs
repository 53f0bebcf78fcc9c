using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>What a person brings cannot be a pair that works; the message says why and never repeats what was brought.</summary>
public sealed class ImportException(string message) : Exception(message);

/// <summary>A pair that a person brings. Holds secrets, so it never prints them.</summary>
public sealed record ImportedToken(string AccessToken, string? RefreshToken, DateTimeOffset ExpiresAt)
{
    private const int LongestYears = 10;

    /// <summary>When the refresh token expires; null if not stated.</summary>
    public DateTimeOffset? RefreshExpiresAt { get; init; }

    /// <summary>What was odd about what was brought, and how it was read.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Reads a provider's answer as it came, or a pair written in the same form.</summary>
    /// <exception cref="ImportException">It cannot be read, or cannot work.</exception>
    public static ImportedToken Read(byte[] json, DateTimeOffset now)
    {
        try
        {
            var pasted = PastedAnswer.Read(json, now);
            return Of(pasted.AccessToken, pasted.RefreshToken, pasted.ExpiresAt, now) with { RefreshExpiresAt = pasted.RefreshExpiresAt, Notes = pasted.Notes };
        }
        catch (FormatException error)
        {
            throw new ImportException(error.Message);
        }
    }

    /// <summary>Checks a pair; the expiry is the earlier of what is stated and what a JWT says of itself.</summary>
    /// <param name="stated">The expiry that a person stated; null to read it from the token.</param>
    /// <exception cref="ImportException">It cannot work.</exception>
    public static ImportedToken Of(string? accessToken, string? refreshToken, DateTimeOffset? stated, DateTimeOffset now)
    {
        var access = Access(accessToken);
        var own = JwtExpiry.Of(access);
        if ((own is null || stated < own ? stated : own) is not { } expires)
        {
            throw new ImportException("expires_at is missing, and the token is not a JWT that contains its expiry.");
        }

        return expires > now && expires < now.AddYears(LongestYears)
            ? new(access, Refresh(refreshToken), expires.ToUniversalTime())
            : throw new ImportException(
                $"{(expires == own ? "The token's own expiry is" : "expires_at is")} {expires.ToUniversalTime():u}; it must be in the future, at most ten years ahead.");
    }

    /// <inheritdoc />
    public override string ToString() => $"{nameof(ImportedToken)} {{ {nameof(ExpiresAt)} = {ExpiresAt:O} }}";

    private static string Access(string? text) => Sized("access_token", text) is { } access
        ? access.Length == 0 || access.Any(sign => sign is <= ' ' or > '~')
            ? throw new ImportException("access_token is empty, or contains white space or characters that are not allowed in a header.")
            : access
        : throw new ImportException("access_token is missing.");

    // It goes to its provider alone, encoded, so it is taken with whatever characters it has.
    private static string? Refresh(string? text) => Sized("refresh_token", text) is { } refresh && refresh.Trim().Length > 0 ? refresh : null;

    private static string? Sized(string field, string? text) =>
        text?.Length > IssuedToken.LongestSecret ? throw new ImportException($"{field} is longer than {IssuedToken.LongestSecret} characters; that is not a token.") : text;
}
