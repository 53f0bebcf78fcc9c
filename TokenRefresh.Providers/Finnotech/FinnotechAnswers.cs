using System.Globalization;
using System.Text.Json;

namespace TokenRefresh.Providers.Finnotech;

/// <summary>Reads Finnotech's envelope: <c>result</c>, <c>status</c>, <c>error</c>, <c>trackId</c>.</summary>
internal static class FinnotechAnswers
{
    /// <summary>Of every sample in the documents; used where the answer states no <c>lifeTime</c>.</summary>
    private static readonly TimeSpan DocumentedLife = TimeSpan.FromDays(10);

    // Not stated by the documents; the samples' JWTs prove it. The zone, not an offset: Iran had summer time until 2022.
    public const string TimeZone = "Asia/Tehran";

    private static readonly TimeZoneInfo Tehran = ZoneOrOffset(TimeZone);

    private static readonly PersianCalendar Jalali = new();

    /// <summary>Reads an issued token.</summary>
    /// <exception cref="InvalidAnswerException">The answer says FAILED, or is not what is documented.</exception>
    public static IssuedToken Token(ProviderReply reply, DateTimeOffset requestedAt)
    {
        var envelope = Done(reply);
        if (!envelope.TryGetProperty("result", out var result) || result.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidAnswerException("result is missing or not an object");
        }

        var access = ProviderJson.Secret(result, "value");
        var created = Created(result);
        var from = created < requestedAt ? created.Value : requestedAt;
        var life = Life(result);

        // Without a stated life the token's own expiry says more than the documents' ten days.
        var expiresAt = life is null && JwtExpiry.Of(access) is { } inside ? inside : JwtExpiry.Earliest(access, from + (life ?? DocumentedLife));
        return new(access, ProviderJson.OptionalSecret(result, "refreshToken"), requestedAt, expiresAt, null, Scopes(result)) { StatedLife = life };
    }

    /// <summary>The envelope of an answer that says DONE.</summary>
    /// <exception cref="InvalidAnswerException">It says anything else.</exception>
    public static JsonElement Done(ProviderReply reply)
    {
        var envelope = ProviderJson.Object(reply.Body);
        return (ProviderJson.Only(envelope, "status") is { } status ? ProviderJson.TextOrNull(status) : null) switch
        {
            "DONE" => envelope,
            "FAILED" => throw new InvalidAnswerException("status is FAILED") { Failure = Classify(reply, isRenewal: false) },
            null => throw new InvalidAnswerException("status is missing"),
            var other => throw new InvalidAnswerException($"status is {ProviderJson.Printable(other, 20)} instead of DONE"),
        };
    }

    /// <summary>The id that the answer states; null where it states none.</summary>
    public static string? TrackId(ProviderReply reply) =>
        ProviderJson.ObjectOrNull(reply.Body) is { } envelope && ProviderJson.TextOrNull(envelope, "trackId") is { } trackId ? ProviderJson.Printable(trackId, 64) : null;

    /// <summary>What a refusal means.</summary>
    /// <param name="isRenewal">A renewal's validation error is about the refresh token; any other call's is about our settings.</param>
    public static ProviderFailure Classify(ProviderReply reply, bool isRenewal)
    {
        var envelope = ProviderJson.ObjectOrNull(reply.Body);
        var error = envelope is { } found && found.TryGetProperty("error", out var inner) && inner.ValueKind == JsonValueKind.Object ? inner : (JsonElement?)null;
        var code = (error is { } known ? Code(known) : null) ?? (envelope is { } outer ? Code(outer) : null);
        var isAboutToken = new[] { error, envelope }.Any(part => part is { } text && ProviderJson.TextOrNull(text, "message") == "invalid token");
        var status = (int)reply.Status;
        if (code is null && envelope is { } only && ProviderJson.TextOrNull(only, "error") is { } word && RefusalWords.OfForeignCode(word, status) is not null)
        {
            code = word;
        }

        var kind = (status, code) switch
        {
            _ when isAboutToken || code == "UNAUTHORIZED" => FailureKind.CredentialRejected,
            ( >= 500 or 408, _) => FailureKind.ProviderDown,
            (429, _) => FailureKind.RateLimited,
            _ when RefusalWords.OfForeignCode(code, status) is { } said => said,

            // Without the provider's own envelope a 401 or 403 may come from anything on the way, such as a firewall.
            (401 or 403, _) => error is not null || envelope?.TryGetProperty("status", out _) == true ? FailureKind.CredentialRejected : FailureKind.InvalidResponse,
            _ when reply.IsSuccess => FailureKind.InvalidResponse,
            (_, "SERVICE_CALL_ERROR") => FailureKind.ProviderDown,
            (400, "VALIDATION_ERROR") => isRenewal ? FailureKind.CredentialRejected : FailureKind.Configuration,
            _ => FailureKind.InvalidResponse,
        };
        var shown = code is null ? null : ProviderJson.Printable(code, 100);
        return new(kind, $"HTTP {status} {shown ?? "without an error code of the provider"}{(reply.IsSuccess ? " (status FAILED)" : "")}")
        {
            HttpStatus = status,
            ProviderCode = shown,
            RefusesRefreshToken = isRenewal && (isAboutToken || (status, code) == (400, "VALIDATION_ERROR")),
            TrackId = TrackId(reply) ?? reply.TrackId,
        };
    }

    // The gateways before it have names of their own for the same.
    private static string? Code(JsonElement part) => ProviderJson.TextOrNull(part, "code")
        ?? part.EnumerateObject().Where(member => ProviderJson.NameOf(member) == "errorcode").Select(member => ProviderJson.TextOrNull(member.Value)).FirstOrDefault();

    /// <summary>Milliseconds, as a number or, in one documented sample, as text; null where it is absent.</summary>
    private static TimeSpan? Life(JsonElement result)
    {
        if (!result.TryGetProperty("lifeTime", out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        double milliseconds = 0;
        var isNumber = value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetDouble(out milliseconds),
            JsonValueKind.String => double.TryParse(ProviderJson.TextOrNull(result, "lifeTime"), NumberStyles.Float, CultureInfo.InvariantCulture, out milliseconds),
            _ => false,
        };
        return isNumber && milliseconds > 0 && milliseconds <= IssuedToken.LongestLife.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw new InvalidAnswerException("lifeTime is not a plausible number of milliseconds");
    }

    // On a machine without time-zone data the offset of today has to do: no token that was issued is given up for that.
    internal static TimeZoneInfo ZoneOrOffset(string id) =>
        TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone) ? zone : TimeZoneInfo.CreateCustomTimeZone(id, TimeSpan.FromHours(3.5), null, null);

    /// <summary>Fourteen digits, Jalali, Tehran's local time; null where it is absent.</summary>
    internal static DateTimeOffset? Created(JsonElement result)
    {
        if (!result.TryGetProperty("creationDate", out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String || ProviderJson.TextOrNull(result, "creationDate") is not { Length: 14 } text || !text.All(char.IsAsciiDigit))
        {
            throw new InvalidAnswerException("creationDate is not fourteen digits");
        }

        try
        {
            var local = Jalali.ToDateTime(Part(0, 4), Part(4, 2), Part(6, 2), Part(8, 2), Part(10, 2), Part(12, 2), 0);
            return new DateTimeOffset(local, Tehran.GetUtcOffset(local)).ToUniversalTime();
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidAnswerException("creationDate is not a date of the Jalali calendar");
        }

        int Part(int at, int length) => int.Parse(text.AsSpan(at, length), NumberStyles.None, CultureInfo.InvariantCulture);
    }

    // One documented sample holds a single text joined by commas inside the array. What cannot be read costs no token.
    private static string[] Scopes(JsonElement result) =>
        result.TryGetProperty("scopes", out var scopes) && scopes.ValueKind == JsonValueKind.Array
            ? [.. scopes.EnumerateArray().Select(ProviderJson.TextOrNull).OfType<string>()
                .SelectMany(scope => ProviderJson.Printable(scope, 4000).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))]
            : [];

    /// <summary>How Finnotech's APIs refuse the token of a call: its clients look for it in error, at the top, or for the bank's own code.</summary>
    public static bool IsTokenRefusal(JsonElement answer) =>
        ProviderJson.TextOrNull(answer, "message") == "invalid token"
        || (answer.TryGetProperty("error", out var error) && (ProviderJson.TextOrNull(error, "message") == "invalid token" || ProviderJson.TextOrNull(error, "code") == "UNAUTHORIZED"));
}
