using System.Buffers.Text;
using System.Text.Json;

namespace TokenRefresh.Providers;

/// <summary>Reads when a JWT expires. It reads nothing else and verifies nothing: the provider, not this program, is its reader.</summary>
public static class JwtExpiry
{
    /// <summary>The instant of the claim <c>exp</c>; null where the token is no JWT or has none.</summary>
    public static DateTimeOffset? Of(string token) => Claim(token, "exp");

    /// <summary>The instant of the claim <c>iat</c>: by the issuer's clock, so that it tells how that differs from ours.</summary>
    internal static DateTimeOffset? IssuedAt(string token) => Claim(token, "iat");

    private static DateTimeOffset? Claim(string token, string name)
    {
        if (token.Split('.') is not [_, { Length: > 0 } payload, _] || !Base64Url.IsValid(payload))
        {
            return null;
        }

        try
        {
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
            return claims.RootElement.ValueKind == JsonValueKind.Object && claims.RootElement.TryGetProperty(name, out var instant) ? Of(instant) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The earliest of what a provider promises and what the token itself says.</summary>
    public static DateTimeOffset Earliest(string token, params DateTimeOffset?[] stated) =>
        stated.Append(Of(token)).OfType<DateTimeOffset>().Min();

    // A number of seconds by RFC 7519; some write milliseconds, or either as text.
    private static DateTimeOffset? Of(JsonElement exp) =>
        (exp.ValueKind switch
        {
            JsonValueKind.Number => exp.TryGetDouble(out var count) && count > 0 ? StatedTime.OfEpoch(count) : null,
            JsonValueKind.String => ProviderJson.TextOrNull(exp) is { } text ? StatedTime.Of(text)?.At : null,
            _ => null,
        }) is { } at && at > DateTimeOffset.UnixEpoch ? at.AddTicks(-(at.Ticks % TimeSpan.TicksPerSecond)) : null;
}
