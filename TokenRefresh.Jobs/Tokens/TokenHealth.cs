using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>How a token stands, from well to worst; the words of pages, verbs, API and messages.</summary>
public enum TokenState
{
    /// <summary>Valid and in time.</summary>
    Healthy,

    /// <summary>Its provider has no credentials or is switched off. No error.</summary>
    NotConfigured,

    /// <summary>A person has paused it.</summary>
    Paused,

    /// <summary>Never obtained yet, and its first attempt has not ended.</summary>
    Pending,

    /// <summary>Valid, but its last refresh failed or is late; it is being retried.</summary>
    Degraded,

    /// <summary>As degraded after a failure, with little of its lifetime left.</summary>
    Critical,

    /// <summary>Nothing happens until a person acts, whether it is still valid or not.</summary>
    ActionRequired,

    /// <summary>There is no valid token; it is being retried.</summary>
    Expired,
}

/// <summary>Derives a token's state. The one place that knows what late, critical and healthy mean. Pure.</summary>
public static class TokenHealth
{
    /// <summary>A refresh that is later than this is late, unless the token's life is so short that half of its lead is less.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    /// <summary>The state of a stored token; <paramref name="token"/> is null where no row exists yet.</summary>
    public static TokenState Of(Token? token, ConfiguredToken settings, DateTimeOffset now)
    {
        var isValid = token is not null && token.IsValid(now);
        var isImported = settings.Order.Grant == Grant.Imported;
        return token switch
        {
            _ when settings.NotConfiguredBecause is not null && !isValid => TokenState.NotConfigured,
            { PausedAt: not null } when token.IsPaused(now) => TokenState.Paused,
            { WaitsForPerson: true } => TokenState.ActionRequired,
            null or { AccessToken: null } => isImported ? TokenState.ActionRequired : token?.LastFailure is null ? TokenState.Pending : TokenState.Expired,
            _ when !isValid => isImported && token.RefreshToken is null ? TokenState.ActionRequired : TokenState.Expired,

            // It would be refreshed by now, and no call can be made for it: a fault where credentials are missing, not where the provider was switched off.
            _ when settings.NotConfiguredBecause is not null && IsLate(token, now) => settings.Provider.IsEnabled ? TokenState.ActionRequired : TokenState.NotConfigured,
            { LastFailure: not null } => token.ExpiresAt - now < settings.CriticalThreshold ? TokenState.Critical : TokenState.Degraded,
            _ => IsLate(token, now) ? TokenState.Degraded : TokenState.Healthy,
        };
    }

    /// <summary>As a stable word, for API, JSON and metrics: <c>action_required</c>.</summary>
    public static string Code(this TokenState state) => state switch
    {
        TokenState.NotConfigured => "not_configured",
        TokenState.ActionRequired => "action_required",
        _ => state.ToString().ToLowerInvariant(),
    };

    /// <summary>The state of that word; null where there is none.</summary>
    public static TokenState? Parse(string code) => Enum.GetValues<TokenState>().Cast<TokenState?>().FirstOrDefault(state => state!.Value.Code() == code);

    /// <summary>The state in words, for pages and verbs.</summary>
    public static string InWords(this TokenState state) => state.Code().Replace('_', ' ');

    /// <summary>True where the refresh that should have come by now, a failing token's retry included, has not.</summary>
    internal static bool IsLate(Token token, DateTimeOffset now) => token.NextDueAt is { } due && now - due > Allowance(token);

    /// <summary>True while a pause holds: one that was begun, and has no end or one that is still to come.</summary>
    internal static bool IsPaused(DateTimeOffset? pausedAt, DateTimeOffset? pausedUntil, DateTimeOffset now) => pausedAt is not null && (pausedUntil is null || pausedUntil > now);

    private static TimeSpan Allowance(Token token) =>
        token.ExpiresAt - token.RefreshDueAt is { } lead && lead / 2 < Grace ? lead / 2 : Grace;
}
