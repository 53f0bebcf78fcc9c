using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>One token as it is served: decrypted, immutable, swapped whole on change. Holds a secret, so it never prints it.</summary>
public sealed class CachedToken
{
    /// <param name="tag">Tells this token from every other one, and nothing of it: a keyed digest.</param>
    internal CachedToken(Token stored, string? accessToken, string tag, bool isSaved = true)
    {
        (Tag, SealedAs) = (tag, Digest(stored.AccessToken));
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
        Identity = $"{stored.Name}-{stored.Version}-{tag}{(isSaved ? "" : "-unsaved")}";
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

    /// <summary>Tells this token, as it is served, from every other one.</summary>
    public string Identity { get; }

    internal string Tag { get; }

    /// <summary>Tells the stored text that it was opened from; each sealing gives another one.</summary>
    internal UInt128 SealedAs { get; }

    /// <summary>What decides whether it may be refreshed.</summary>
    internal RefreshFacts Facts { get; }

    /// <summary>The version under which the token was stored before the database went back in time.</summary>
    internal long? RestoredFrom { get; }

    /// <summary>False while the database is unreachable and the token is in this node's hands alone: another may yet be stored under its version.</summary>
    internal bool IsSaved { get; }

    internal DateTimeOffset? PausedAt { get; }

    internal DateTimeOffset? PausedUntil { get; }

    /// <summary>True while a pause holds.</summary>
    public bool IsPaused(DateTimeOffset now) => TokenHealth.IsPaused(PausedAt, PausedUntil, now);

    /// <summary>A digest of a sealed text; 0 where there is none.</summary>
    internal static UInt128 Digest(string? text) => text is null ? UInt128.Zero : BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan())));

    /// <inheritdoc />
    public override string ToString() => $"{nameof(CachedToken)} {{ {Name}, {nameof(Version)} = {Version}, {nameof(ExpiresAt)} = {ExpiresAt:O} }}";
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
