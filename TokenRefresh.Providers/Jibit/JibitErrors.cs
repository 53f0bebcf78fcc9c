using System.Text.Json;

namespace TokenRefresh.Providers.Jibit;

/// <summary>Reads Jibit's refusals. Its document ties no code to a status, so the code decides, and the status only where there is none.</summary>
internal static class JibitErrors
{
    private static readonly Dictionary<string, FailureKind> KindByCode = new(StringComparer.Ordinal)
    {
        ["invalid.credentials"] = FailureKind.CredentialRejected,
        ["apiKey.is_required"] = FailureKind.CredentialRejected,
        ["apiKey.length_exceeded"] = FailureKind.CredentialRejected,
        ["secretKey.is_required"] = FailureKind.CredentialRejected,
        ["secretKey.length_exceeded"] = FailureKind.CredentialRejected,
        ["client.not_found"] = FailureKind.CredentialRejected,
        ["accessToken.is_required"] = FailureKind.CredentialRejected,
        ["refreshToken.is_required"] = FailureKind.CredentialRejected,
        ["refreshToken.not_valid"] = FailureKind.CredentialRejected,
        ["invalid.tokens_pair"] = FailureKind.CredentialRejected,
        ["forbidden"] = FailureKind.CredentialRejected,
        ["token.is_required"] = FailureKind.CredentialRejected,

        // The shape of Jibit's other products, seen in a client of this one.
        ["security.auth_required"] = FailureKind.CredentialRejected,
        ["daily_limit.reached"] = FailureKind.RateLimited,
        ["server.error"] = FailureKind.ProviderDown,
        ["providers.not_available"] = FailureKind.ProviderDown,
        ["handler.not_found"] = FailureKind.Configuration,

        // "Conflict in IP addresses": the caller's address is not on the list that support keeps.
        ["conflict"] = FailureKind.Configuration,
        ["invalid.request_body"] = FailureKind.InvalidResponse,
    };

    /// <summary>What a refusal means.</summary>
    public static ProviderFailure Classify(ProviderReply reply)
    {
        var status = (int)reply.Status;
        var code = Code(reply.Body, status);
        var kind = code is not null && KindByCode.TryGetValue(code, out var known) ? known : RefusalWords.OfForeignCode(code, status) ?? status switch
        {
            >= 500 or 408 => FailureKind.ProviderDown,
            429 => FailureKind.RateLimited,

            // Without the provider's own word a 401 or 403 may come from anything on the way, such as a firewall.
            401 or 403 when code is not null => FailureKind.CredentialRejected,
            _ => FailureKind.InvalidResponse,
        };
        return new(kind, code is null ? $"HTTP {status} without an error code of the provider" : $"HTTP {status} {ProviderJson.Printable(code, 100)}")
        {
            HttpStatus = status,
            ProviderCode = code is null ? null : ProviderJson.Printable(code, 100),
            TrackId = reply.TrackId,
        };
    }

    /// <summary>The flat shape <c>{code,message}</c> first, then the first of <c>errors[]</c>, then a gateway's <c>{error}</c> where its word is known.</summary>
    private static string? Code(byte[] body, int status)
    {
        if (ProviderJson.ObjectOrNull(body) is not { } answer)
        {
            return null;
        }

        return In(answer)
            ?? (answer.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array && errors.GetArrayLength() > 0 ? In(errors[0]) : null)
            ?? (ProviderJson.TextOrNull(answer, "error") is { } word && RefusalWords.OfForeignCode(word, status) is not null ? word : null);

        // The gateways before it have names of their own for the same.
        static string? In(JsonElement part) => part.ValueKind != JsonValueKind.Object ? null
            : ProviderJson.TextOrNull(part, "code")
                ?? part.EnumerateObject().Where(member => ProviderJson.NameOf(member) == "errorcode").Select(member => ProviderJson.TextOrNull(member.Value)).FirstOrDefault();
    }

    /// <summary>How Jibit's other APIs refuse the token of a call, by its document: "token not valid or account inactive", flat or as the first of errors.</summary>
    public static bool IsTokenRefusal(JsonElement answer) =>
        ProviderJson.TextOrNull(answer, "code") == "forbidden"
        || (answer.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array && errors.EnumerateArray().Any(error => ProviderJson.TextOrNull(error, "code") == "forbidden"));
}
