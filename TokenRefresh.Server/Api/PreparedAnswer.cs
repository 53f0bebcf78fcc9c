using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Server.Api;

/// <summary>The answer of one cached token, ready to be sent but for the seconds that are left. Made once a token, so that a read allocates nothing for it.</summary>
internal sealed class PreparedAnswer
{
    // Nothing is escaped that JSON lets stand: shell scripts cut the token out, and many hold a plus.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // A token that is no longer cached takes its answer with it.
    private static readonly ConditionalWeakTable<CachedToken, PreparedAnswer> Prepared = [];

    private PreparedAnswer(CachedToken token)
    {
        ETag = $"\"{token.Identity}\"";
        Head = Encoding.UTF8.GetBytes(
            $$"""{"name":{{Json(token.Name)}},"access_token":{{Json(token.AccessToken ?? "")}},"token_type":"Bearer","expires_at":{{Json(token.ExpiresAt?.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) ?? "")}},"expires_in":""");
        Tail = Encoding.UTF8.GetBytes($$""","version":{{token.Version}}""");
    }

    /// <summary>Identifies the answer for <c>If-None-Match</c>.</summary>
    public string ETag { get; }

    /// <summary>The JSON up to the seconds that are left.</summary>
    public ReadOnlyMemory<byte> Head { get; }

    /// <summary>The JSON after them, without the closing brace.</summary>
    public ReadOnlyMemory<byte> Tail { get; }

    /// <summary>The answer of a token.</summary>
    public static PreparedAnswer Of(CachedToken token) => Prepared.GetValue(token, static token => new(token));

    private static string Json(string text) => JsonSerializer.Serialize(text, Plain);
}
