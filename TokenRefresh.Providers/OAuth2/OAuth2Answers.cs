using System.Globalization;
using System.Text.Json;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>Reads the answers of a token endpoint (RFC 6749, section 5).</summary>
internal static class OAuth2Answers
{
    /// <summary>The issued token.</summary>
    /// <param name="defaultLife">Its life where nothing tells it.</param>
    public static IssuedToken Token(ProviderReply reply, DateTimeOffset requestedAt, TimeSpan defaultLife, bool isRenewal)
    {
        // Some servers refuse with a 200.
        var answer = OAuth2Refusal.ObjectOf(reply.Body) ?? Answer.Object(reply.Body);
        if (OAuth2Refusal.IsIn(answer) || (Answer.TextOrNull(answer, "access_token") is null or "" && Classify(reply, isRenewal) is { Kind: not FailureKind.InvalidResponse }))
        {
            throw new InvalidAnswerException("the answer is an error") { Failure = Classify(reply, isRenewal) };
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
        var refusal = OAuth2Refusal.Read(OAuth2Refusal.ObjectOf(reply.Body));
        var status = (int)reply.Status;
        var (kind, because) = KindOf(refusal, status, isRenewal);
        var code = refusal.Codes.Count == 0 ? null : Answer.Printable(refusal.Codes[0], 100);
        return new(kind, $"HTTP {status} {code ?? "without an error code of the provider"}{because}")
        {
            HttpStatus = status,
            ProviderCode = code,
            TrackId = reply.TrackId,
            RefusesClient = kind == FailureKind.CredentialRejected,
        };
    }

    // A code that says what is wrong stands above the text beside it; where it says little, text and status say more.
    private static (FailureKind Kind, string Because) KindOf(OAuth2Refusal refusal, int status, bool isRenewal)
    {
        var kinds = refusal.Codes.Select(code => (Kind: RefusalWords.OfCode(code, isRenewal), IsVague: RefusalWords.IsVague(code))).ToList();
        var precise = kinds.FirstOrDefault(code => !code.IsVague).Kind;
        var isOpen = precise is null || refusal.Codes.Any(RefusalWords.IsOfGrant);
        var vague = kinds.FirstOrDefault(code => code.Kind is not null).Kind;
        var (isReadable, isUnauthorized) = (status is < 500 and not 408, refusal.Codes.Any(RefusalWords.IsUnauthorizedClient));
        return precise switch
        {
            _ when status == 429 => (FailureKind.RateLimited, ""),
            _ when isReadable && isOpen && Says(RefusalWords.MeanTooSoon) => (FailureKind.RateLimited, ", in words that ask to come later"),
            { } kind => (kind, ""),
            null when isReadable && isRenewal && Says(isUnauthorized ? RefusalWords.NameRefreshToken : RefusalWords.NameDeadGrant) =>
                (FailureKind.GrantRevoked, ", in words that name the grant as dead"),
            null when isUnauthorized && status == 401 => (FailureKind.CredentialRejected, ""),
            null when isReadable && Says(RefusalWords.NameWrongClient) => (FailureKind.CredentialRejected, ", in words that name the client's credentials as wrong"),
            null when vague is { } kind => (kind, ""),
            null => (status is >= 500 or 408 ? FailureKind.ProviderDown : FailureKind.InvalidResponse, ""),
        };

        bool Says(Func<string, bool> what) => refusal.Codes.Concat(refusal.Texts).Any(what);
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
