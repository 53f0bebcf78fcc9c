using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Makes tokens that look like the providers'. They are secrets in the same way: only their hashes are stored.</summary>
internal static class SandboxTokenText
{
    private const string LettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Shaped like a signed JWT; the signature is random, so the token is unique and proves nothing.</summary>
    public static string Jwt(JsonObject header, JsonObject claims, int signatureBytes) =>
        $"{Part(header)}.{Part(claims)}.{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(signatureBytes))}";

    /// <summary>One text claim of a token made here; null where it has none.</summary>
    public static string? Claim(string jwt, string name) =>
        (string?)JsonNode.Parse(Base64Url.DecodeFromChars(jwt.Split('.')[1]))?[name];

    public static string Opaque(int length) => RandomNumberGenerator.GetString(LettersAndDigits, length);

    /// <summary>24 hex digits, as Finnotech numbers its tokens.</summary>
    public static string Id() => RandomNumberGenerator.GetHexString(24, lowercase: true);

    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static string Part(JsonObject json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString()));
}
