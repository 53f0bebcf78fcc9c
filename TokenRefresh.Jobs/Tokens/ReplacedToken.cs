using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>The token that an import took the place of, kept so that a person can take the import back. Secrets are sealed.</summary>
public sealed class ReplacedToken : ISealedPair
{
    private ReplacedToken()
    {
    }

    /// <summary>The token's name, its key: one predecessor is kept.</summary>
    public string Name { get; private set; } = "";

    /// <inheritdoc />
    public string? AccessToken { get; private set; }

    /// <inheritdoc />
    public string? RefreshToken { get; private set; }

    /// <summary>The instant before it was asked for.</summary>
    public DateTimeOffset IssuedAt { get; private set; }

    /// <summary>When it expires.</summary>
    public DateTimeOffset ExpiresAt { get; private set; }

    /// <summary>When its refresh token expires; null if not stated.</summary>
    public DateTimeOffset? RefreshExpiresAt { get; private set; }

    /// <summary>What the provider had said beside it. JSON, no secrets.</summary>
    public string Metadata { get; private set; } = "{}";

    /// <summary>When another took its place.</summary>
    public DateTimeOffset ReplacedAt { get; private set; }

    /// <summary>Who put the other there.</summary>
    public string ReplacedBy { get; private set; } = "";

    /// <summary>True while it, or its refresh token, can still be alive.</summary>
    public bool IsOfUse(DateTimeOffset now) => ExpiresAt > now || (RefreshToken is not null && (RefreshExpiresAt is null || RefreshExpiresAt > now));

    internal static ReplacedToken Of(Token token, string by, DateTimeOffset now)
    {
        var replaced = new ReplacedToken { Name = token.Name };
        replaced.Keep(token, by, now);
        return replaced;
    }

    internal void Keep(Token token, string by, DateTimeOffset now)
    {
        AccessToken = token.AccessToken;
        RefreshToken = token.RefreshToken;
        IssuedAt = token.IssuedAt!.Value;
        ExpiresAt = token.ExpiresAt!.Value;
        RefreshExpiresAt = token.RefreshExpiresAt;
        Metadata = token.Metadata;
        ReplacedAt = now;
        ReplacedBy = by;
    }

    /// <summary>A copy, as it was before the current token is kept in its place.</summary>
    internal ReplacedToken Copy() => (ReplacedToken)MemberwiseClone();
}
