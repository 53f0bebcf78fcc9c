using System.Text.Json;
using System.Text.RegularExpressions;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>Reads the answers of a token endpoint (RFC 6749, section 5).</summary>
internal static class OAuth2Answers
{
    /// <summary>Words in a token's type that say it is no bearer token.</summary>
    private static readonly string[] OtherSchemes = ["mac", "dpop", "pop", "hok", "hawk", "basic", "digest", "negotiate", "signature"];

    /// <summary>The issued token.</summary>
    /// <param name="defaultLife">Its life where nothing tells it.</param>
    public static IssuedToken Token(ProviderReply reply, DateTimeOffset requestedAt, TimeSpan defaultLife, bool isRenewal)
    {
        // Some servers refuse with a 200.
        var answer = ProviderJson.Object(reply.Body);
        var field = ProviderJson.Member(answer, "access_token")?.Name ?? "access_token";
        if (OAuth2Refusal.IsIn(answer) || (ProviderJson.TextOrNull(answer, field) is null or "" && Classify(reply, isRenewal) is { Kind: not FailureKind.InvalidResponse }))
        {
            throw new InvalidAnswerException("the answer is an error") { Failure = Classify(reply, isRenewal) };
        }

        List<string> notes = OAuth2Refusal.IsDenied(answer) ? ["the answer contains an empty error beside the token: ignored"] : [];
        RequireBearer(answer, notes);
        var access = ProviderJson.Secret(answer, field);
        var expiry = new StatedExpiry(answer, requestedAt, notes);
        var ends = expiry.OfAccess(access);
        return new(access, RefreshToken(answer, notes), requestedAt, Earliest(ends, requestedAt, notes) ?? requestedAt + defaultLife, expiry.OfRefresh(), Scopes(answer))
        {
            Notes = notes,
            StatedLife = ends.Where(end => !end.IsOfToken).Min(end => (TimeSpan?)(end.At - requestedAt)),
        };
    }

    /// <summary>The earliest end, and a year at most; null where none is stated.</summary>
    private static DateTimeOffset? Earliest(IReadOnlyList<StatedEnd> stated, DateTimeOffset requestedAt, List<string> notes)
    {
        var ends = stated.Where(end => end.IsOfToken || end.HasOffset || end.At > requestedAt).ToList();
        if (ends.FirstOrDefault(end => !end.IsOfToken && end.At <= requestedAt) is { } passed)
        {
            throw new InvalidAnswerException($"{passed.Name} has passed");
        }

        notes.AddRange(stated.Except(ends).Select(end => $"{end.Name} has no offset and is in the past as UTC: ignored"));
        if (ends.Count == 0)
        {
            return null;
        }

        var (first, last) = (ends.MinBy(end => end.At)!, ends.MaxBy(end => end.At)!);
        if (last.At - first.At > TimeSpan.FromMinutes(1))
        {
            notes.Add($"{first.Name} is earlier than {last.Name}: the earlier one is used");
        }

        if (first.At - requestedAt <= IssuedToken.LongestLife)
        {
            return first.At;
        }

        notes.Add($"{first.Name} is more than a year ahead: a year is assumed");
        return requestedAt + IssuedToken.LongestLife;
    }

    /// <summary>What a refusal means.</summary>
    /// <param name="isRenewal">If true, an invalid grant concerns the refresh token, and a new token can be acquired; else it concerns the client itself.</param>
    public static ProviderFailure Classify(ProviderReply reply, bool isRenewal)
    {
        var refusal = OAuth2Refusal.Read(reply.Body);
        var status = (int)reply.Status;
        var (kind, because) = KindOf(refusal, status, isRenewal);
        var code = refusal.Codes.Count == 0 ? null : ProviderJson.Printable(refusal.Codes[0], 100);
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
        var isRefused = status == 401 && (isUnauthorized || refusal.Codes.Any(RefusalWords.IsDenied));
        return precise switch
        {
            _ when status == 429 => (FailureKind.RateLimited, ""),
            _ when isReadable && isOpen && Says(RefusalWords.MeanTooSoon) => (FailureKind.RateLimited, ": its text says to try again later"),
            { } kind => (kind, ""),
            null when isReadable && isRenewal && Says(isUnauthorized ? RefusalWords.NameRefreshToken : RefusalWords.NameDeadGrant) =>
                (FailureKind.GrantRevoked, ": its text says that the refresh token or grant is no longer valid"),
            null when isRefused => (FailureKind.CredentialRejected, ""),
            null when isReadable && Says(RefusalWords.NameWrongClient) => (FailureKind.CredentialRejected, ": its text says that the client credentials are wrong"),
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

    // Servers call a bearer token by many names; only a token that must be proved with a key, or goes into another scheme, cannot be served.
    internal static void RequireBearer(JsonElement answer, List<string> notes)
    {
        if (ProviderJson.Member(answer, "token_type") is not { } member)
        {
            return;
        }

        var type = ProviderJson.TextOrNull(member.Value);
        if (Regex.Split($"{RefusalWords.InOneSpelling(type ?? "")} {type?.ToLowerInvariant()}", "[^a-z0-9]+").Any(OtherSchemes.Contains))
        {
            throw new InvalidAnswerException($"token_type is {ProviderJson.Printable(type!, 60)}; only bearer tokens can be served");
        }

        if (type?.Equals("bearer", StringComparison.OrdinalIgnoreCase) != true)
        {
            notes.Add($"token_type is {(type is null ? ProviderJson.Words(member.Value.ValueKind) : type.Trim().Length == 0 ? "blank" : ProviderJson.Printable(type, 60))}: read as bearer");
        }
    }

    // OAuth2 forbids characters in it that servers use. It goes back to none but them, encoded, so it is taken as it is.
    internal static string? RefreshToken(JsonElement answer, List<string> notes)
    {
        if (ProviderJson.Member(answer, "refresh_token") is not { Value: var value })
        {
            return null;
        }

        switch (value.ValueKind == JsonValueKind.Number ? value.GetRawText() : ProviderJson.TextOrNull(value))
        {
            case { Length: > IssuedToken.LongestSecret }:
                throw new InvalidAnswerException($"refresh_token is longer than {IssuedToken.LongestSecret} characters");
            case { } text when text.Trim() is { Length: > 0 } shown && !(value.ValueKind == JsonValueKind.Number && shown == "0"):
                return text;
            case var blank:
                notes.Add($"refresh_token is {(blank is null ? ProviderJson.Words(value.ValueKind) : blank == "0" ? "0" : "blank")}: read as absent");
                return null;
        }
    }

    private static string[] Scopes(JsonElement answer) =>
        answer.TryGetProperty("scope", out var scope)
            ? [.. (scope.ValueKind == JsonValueKind.Array ? scope.EnumerateArray().Select(ProviderJson.TextOrNull) : [ProviderJson.TextOrNull(scope)])
                .SelectMany(text => ProviderJson.Printable(text ?? "", 4000).Split(' ', StringSplitOptions.RemoveEmptyEntries))]
            : [];
}
