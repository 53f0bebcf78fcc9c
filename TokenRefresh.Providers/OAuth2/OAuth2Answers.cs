using System.Globalization;
using System.Text.Json;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>Reads the answers of a token endpoint (RFC 6749, section 5).</summary>
internal static class OAuth2Answers
{
    /// <summary>The issued token.</summary>
    /// <param name="defaultLife">Its life where nothing tells it.</param>
    public static IssuedToken Token(ProviderReply reply, DateTimeOffset requestedAt, TimeSpan defaultLife)
    {
        var answer = Answer.Object(reply.Body);
        if (answer.TryGetProperty("error", out _))
        {
            // Some servers refuse with a 200.
            throw new InvalidAnswerException("the answer is an error") { Failure = Classify(reply, isRenewal: false) };
        }

        if (Answer.TextOrNull(answer, "token_type") is { } type && !type.Equals("bearer", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidAnswerException($"token_type is {Answer.Printable(type, 20)}; only bearer tokens can be served");
        }

        var access = Answer.Secret(answer, "access_token");
        var stated = Seconds(answer, "expires_in");
        if (stated <= TimeSpan.Zero)
        {
            throw new InvalidAnswerException("expires_in is not positive");
        }

        // Keycloak's name, and 0 there, as with others who use it, means that it does not expire.
        var refreshLife = Seconds(answer, "refresh_expires_in");
        return new(
            access, Answer.OptionalSecret(answer, "refresh_token"), requestedAt,
            stated is null && JwtExpiry.Of(access) is { } inside ? inside : JwtExpiry.Earliest(access, requestedAt + (stated ?? defaultLife)),
            refreshLife > TimeSpan.Zero ? requestedAt + refreshLife : null,
            Answer.Printable(Answer.TextOrNull(answer, "scope") ?? "", 4000).Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>What a refusal means.</summary>
    /// <param name="isRenewal">Then an invalid grant is the refresh token's, which may be started anew; else it is the client's own.</param>
    public static ProviderFailure Classify(ProviderReply reply, bool isRenewal)
    {
        var code = Answer.ObjectOrNull(reply.Body) is { } answer ? Answer.TextOrNull(answer, "error") : null;
        var status = (int)reply.Status;
        var kind = (status, code) switch
        {
            (429, _) or (_, "slow_down") => FailureKind.RateLimited,
            (_, "invalid_client") => FailureKind.CredentialRejected,
            (_, "invalid_grant") => isRenewal ? FailureKind.GrantRevoked : FailureKind.CredentialRejected,
            (_, "invalid_request" or "unauthorized_client" or "unsupported_grant_type" or "invalid_scope" or "invalid_target" or "access_denied") => FailureKind.Configuration,
            ( >= 500 or 408, _) or (_, "temporarily_unavailable" or "server_error") => FailureKind.ProviderDown,
            _ => FailureKind.InvalidResponse,
        };
        return new(kind, code is null ? $"HTTP {status} without an error code of the provider" : $"HTTP {status} {Answer.Printable(code, 100)}")
        {
            HttpStatus = status,
            ProviderCode = code is null ? null : Answer.Printable(code, 100),
            TrackId = reply.TrackId,
        };
    }

    /// <summary>What a refused probe means: the token's reader, not the token endpoint, has answered (RFC 6750, section 3.1).</summary>
    public static ProviderFailure ClassifyProbe(ProviderReply reply)
    {
        var status = (int)reply.Status;
        var kind = status switch
        {
            401 or 403 => FailureKind.CredentialRejected,
            429 => FailureKind.RateLimited,
            >= 500 or 408 => FailureKind.ProviderDown,
            _ => FailureKind.InvalidResponse,
        };
        return new(kind, $"HTTP {status}") { HttpStatus = status, TrackId = reply.TrackId };
    }

    /// <summary>Seconds as a number or, as some servers write them, as text; null where the field is absent.</summary>
    private static TimeSpan? Seconds(JsonElement answer, string field)
    {
        if (!answer.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        double seconds = 0;
        var isNumber = value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetDouble(out seconds),
            JsonValueKind.String => double.TryParse(Answer.TextOrNull(value), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds),
            _ => false,
        };
        return isNumber && double.Abs(seconds) < TimeSpan.MaxValue.TotalSeconds / 10
            ? TimeSpan.FromSeconds(seconds)
            : throw new InvalidAnswerException($"{field} is {(isNumber ? "absurd" : Answer.Words(value.ValueKind) + " that is no number")}");
    }
}
