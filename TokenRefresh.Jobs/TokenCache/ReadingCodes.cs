using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>The stable words with which readers are told why a token is stale or missing.</summary>
public static class ReadingCodes
{
    /// <summary>Its provider has no credentials.</summary>
    public const string NotConfigured = "not_configured";

    /// <summary>A person paused it, and it has expired since.</summary>
    public const string Paused = "paused";

    /// <summary>Only a person can start the grant again.</summary>
    public const string NeedsReauthorization = "needs_reauthorization";

    /// <summary>It is being obtained for the first time.</summary>
    public const string NotYet = "not_obtained_yet";

    /// <summary>It has expired, and only time or an unreachable database delays its renewal.</summary>
    public const string Expired = "expired";

    /// <summary>It is not in this node's memory, and the database is unreachable.</summary>
    public const string NotLoaded = "not_loaded";

    /// <summary>Stale: its renewal has not come through within the longest wait.</summary>
    public const string NotInTime = "not_renewed_in_time";

    /// <summary>Stale: more life was asked for than its provider ever gives.</summary>
    public const string NeverThatLong = "never_lives_that_long";

    /// <summary>Stale: it was issued to a reader a moment ago, and is not replaced for another so soon.</summary>
    public const string JustRenewed = "just_renewed";

    /// <summary>The word of a failure.</summary>
    public static string Of(FailureKind kind) => kind == FailureKind.GrantRevoked ? NeedsReauthorization : kind.Code();
}
