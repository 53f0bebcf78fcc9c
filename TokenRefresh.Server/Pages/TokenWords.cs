using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>How tokens read on pages.</summary>
internal static class TokenWords
{
    /// <summary>For how long people pause, in hours; null for no end.</summary>
    public static readonly (double? Hours, string Words)[] Pauses = [(null, "until resumed"), (1, "1 hour"), (4, "4 hours"), (24, "1 day"), (72, "3 days"), (168, "1 week")];

    /// <summary>A state as it stands in a list.</summary>
    public static Phrase Title(TokenState state) => state switch
    {
        TokenState.ActionRequired => "Action required",
        TokenState.NotConfigured => "Not configured",
        _ => state.ToString(),
    };

    public static string InWords(this RenewedBy by) => by switch
    {
        RenewedBy.Itself => "renews itself",
        RenewedBy.RefreshToken => "renews itself until its refresh token expires",
        _ => "needs a person",
    };

    public static string InWords(this LifetimeEnd end) => end switch
    {
        LifetimeEnd.Living => "active",
        LifetimeEnd.Replaced => "replaced in time",
        LifetimeEnd.Refused => "refused by an API before its expiry",
        _ => "expired before it was renewed",
    };

    public static string Kind(LifetimeEnd end) => end switch
    {
        LifetimeEnd.Living or LifetimeEnd.Replaced => "is-well",
        _ => "is-ill",
    };

    /// <summary>A life to the minute, or to the second where it is short.</summary>
    public static TimeSpan Life(TimeSpan span) => span > TimeSpan.FromHours(1) ? TimeSpan.FromMinutes(Math.Round(span.TotalMinutes)) : TimeSpan.FromSeconds(Math.Round(span.TotalSeconds));
}
