using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>One token as it is served: decrypted, immutable, swapped whole on change. Holds a secret, so it never prints it.</summary>
public sealed class CachedToken
{
    // Nothing is escaped that JSON lets stand: shell scripts cut the token out, and many hold a plus.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="tag">Tells this token from every other one, and nothing of it: a keyed digest.</param>
    internal CachedToken(Token stored, string? accessToken, string tag, bool isSaved = true)
    {
        (Tag, Sealed) = (tag, stored.AccessToken);
        Facts = RefreshFacts.Of(stored) with { HasAccessToken = accessToken is not null };
        IsSaved = isSaved;
        Name = stored.Name;
        AccessToken = accessToken;
        Version = stored.Version;
        IssuedAt = stored.IssuedAt;
        ExpiresAt = accessToken is null ? null : stored.ExpiresAt;
        RefreshDueAt = stored.RefreshDueAt;
        NextAttemptAt = stored.LeftAloneUntil;
        Failure = stored.LastFailure;
        PausedAt = stored.PausedAt;
        PausedUntil = stored.PausedUntil;
        RestoredFrom = stored.RestoredFrom;
        ETag = $"\"{stored.Name}-{stored.Version}-{tag}{(isSaved ? "" : "-unsaved")}\"";
        Head = Encoding.UTF8.GetBytes(
            $$"""{"name":{{Json(Name)}},"access_token":{{Json(accessToken ?? "")}},"token_type":"Bearer","expires_at":{{Json(ExpiresAt?.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture) ?? "")}},"expires_in":""");
        Tail = Encoding.UTF8.GetBytes($$""","version":{{Version}}""");
    }

    /// <summary>The token's name.</summary>
    public string Name { get; }

    /// <summary>The bearer token; null where there is none.</summary>
    public string? AccessToken { get; }

    /// <summary>Which of the tokens that were stored under this name it is.</summary>
    public long Version { get; }

    /// <summary>When it was asked for.</summary>
    public DateTimeOffset? IssuedAt { get; }

    /// <summary>When it expires; null if there is none.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>When it is due to be refreshed.</summary>
    public DateTimeOffset? RefreshDueAt { get; }

    /// <summary>After a failure: before this no other attempt is made by itself.</summary>
    public DateTimeOffset? NextAttemptAt { get; }

    /// <summary>Why the last refresh failed; null where it did not.</summary>
    public FailureKind? Failure { get; }

    /// <summary>Identifies the answer for <c>If-None-Match</c>.</summary>
    public string ETag { get; }

    internal string Tag { get; }

    /// <summary>What decides whether it may be refreshed.</summary>
    internal RefreshFacts Facts { get; }

    /// <summary>The token as it is stored.</summary>
    internal string? Sealed { get; }

    /// <summary>The version under which the token was stored before the database went back in time.</summary>
    internal long? RestoredFrom { get; }

    /// <summary>False while the database is unreachable and the token is in this node's hands alone: another may yet be stored under its version.</summary>
    internal bool IsSaved { get; }

    internal DateTimeOffset? PausedAt { get; }

    internal DateTimeOffset? PausedUntil { get; }

    /// <summary>The answer's JSON up to the seconds that are left, ready to be sent.</summary>
    public ReadOnlyMemory<byte> Head { get; }

    /// <summary>The answer's JSON after them, without the closing brace.</summary>
    public ReadOnlyMemory<byte> Tail { get; }

    /// <summary>True while a pause holds.</summary>
    public bool IsPaused(DateTimeOffset now) => TokenHealth.IsPaused(PausedAt, PausedUntil, now);

    /// <inheritdoc />
    public override string ToString() => $"{nameof(CachedToken)} {{ {Name}, {nameof(Version)} = {Version}, {nameof(ExpiresAt)} = {ExpiresAt:O} }}";

    private static string Json(string text) => JsonSerializer.Serialize(text, Plain);
}

/// <summary>What a reader gets: a valid token, perhaps with the reason why it is not a fresher one; or why there is none.</summary>
/// <param name="Entry">The token; null where none can be served.</param>
/// <param name="Code">Why it is stale, or why there is none: a stable word such as <c>provider_down</c>. Null for a token without blemish.</param>
/// <param name="RetryAfter">When asking again can help; only where there is no token.</param>
public readonly record struct TokenReading(CachedToken? Entry, string? Code, TimeSpan? RetryAfter)
{
    /// <summary>True when a token is served.</summary>
    public bool IsServed => Entry is not null;
}
