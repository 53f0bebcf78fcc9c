using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>How a token stands, from well to worst.</summary>
public enum TokenState
{
    /// <summary>Valid, and not due.</summary>
    Fresh,

    /// <summary>Valid and due; its refresh is expected any moment.</summary>
    Due,

    /// <summary>Its provider has no credentials or is switched off. No error.</summary>
    NotConfigured,

    /// <summary>A person has paused it.</summary>
    Paused,

    /// <summary>Valid, but due for longer than a refresh should take.</summary>
    Overdue,

    /// <summary>Valid, failing, and with little life left.</summary>
    Critical,

    /// <summary>Never obtained yet.</summary>
    Missing,

    /// <summary>Only a person can start it, and nobody has.</summary>
    NeedsPerson,

    /// <summary>Dead.</summary>
    Expired,
}

/// <summary>Derives a token's state. The one place that knows what overdue, critical and healthy mean. Pure.</summary>
public static class TokenHealth
{
    /// <summary>A refresh that is later than this is overdue, unless the token's life is so short that half of its lead is less.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    /// <summary>The state of a stored token; <paramref name="token"/> is null where no row exists yet.</summary>
    public static TokenState Of(Token? token, ConfiguredToken settings, DateTimeOffset now)
    {
        var isValid = token is not null && token.IsValid(now);
        return token switch
        {
            _ when settings.NotConfiguredBecause is not null && !isValid => TokenState.NotConfigured,
            { PausedAt: not null } when token.IsPaused(now) => TokenState.Paused,
            null or { AccessToken: null } => settings.Order.Grant == Grant.Imported ? TokenState.NeedsPerson : TokenState.Missing,
            _ when !isValid => token.LastFailure == FailureKind.GrantRevoked || (settings.Order.Grant == Grant.Imported && token.RefreshToken is null) ? TokenState.NeedsPerson : TokenState.Expired,
            { ConsecutiveFailures: > 0 } when token.ExpiresAt - now < settings.CriticalThreshold => TokenState.Critical,
            _ when token.RefreshDueAt is not { } due || due > now => TokenState.Fresh,
            _ => IsOverdue(token, now) ? TokenState.Overdue : TokenState.Due,
        };
    }

    /// <summary>True in the states in which a refresh, or a person, is waited for.</summary>
    public static bool NeedsRefresh(this TokenState state) => state is not (TokenState.Fresh or TokenState.NotConfigured or TokenState.Paused);

    /// <summary>True in the states in which nobody needs to do anything.</summary>
    public static bool IsWell(this TokenState state) =>
        state is TokenState.Fresh or TokenState.Due or TokenState.NotConfigured or TokenState.Paused;

    /// <summary>As <see cref="TokenView.IsWell"/>.</summary>
    internal static bool IsWell(TokenView view) => view.State.IsWell() && !(view.State == TokenState.Paused && view.TimeLeft <= TimeSpan.Zero);

    /// <summary>As <see cref="TokenView.IsFailing"/>.</summary>
    internal static bool IsFailing(TokenView view) => view.State is TokenState.Fresh or TokenState.Due && view.Stored!.ConsecutiveFailures > 0;

    /// <summary>As <see cref="TokenView.IsInTime"/>.</summary>
    internal static bool IsInTime(TokenView view) => view.State == TokenState.Critical ? !IsOverdue(view.Stored!, view.AsOf) : view.State.IsWell();

    /// <summary>The state in words, for pages and verbs.</summary>
    public static string InWords(this TokenState state) => state switch
    {
        TokenState.NotConfigured => "not configured",
        TokenState.NeedsPerson => "needs a person",
        _ => state.ToString().ToLowerInvariant(),
    };

    /// <summary>True while a pause holds: one that was begun, and has no end or one that is still to come.</summary>
    internal static bool IsPaused(DateTimeOffset? pausedAt, DateTimeOffset? pausedUntil, DateTimeOffset now) => pausedAt is not null && (pausedUntil is null || pausedUntil > now);

    private static bool IsOverdue(Token token, DateTimeOffset now) => token.RefreshDueAt is { } due && now - due > Allowance(token, due);

    private static TimeSpan Allowance(Token token, DateTimeOffset due)
    {
        var lead = token.ExpiresAt - due ?? TimeSpan.Zero;
        return lead / 2 < Grace ? lead / 2 : Grace;
    }
}

/// <summary>How tokens stand together. What is not configured, or paused and valid, does not count.</summary>
/// <param name="Well">How many are well.</param>
/// <param name="Counted">Of so many.</param>
public sealed record OverallHealth(int Well, int Counted)
{
    /// <summary>True where some count and none is well.</summary>
    public bool IsUnhealthy => Well == 0 && Counted > 0;

    /// <summary><c>healthy</c>, <c>partial</c> or <c>unhealthy</c>.</summary>
    public string InWords => Well == Counted ? "healthy" : IsUnhealthy ? "unhealthy" : "partial";

    /// <summary>The health of some tokens.</summary>
    public static OverallHealth Of(IEnumerable<TokenView> views)
    {
        var counted = views.Where(view => view.State is not (TokenState.NotConfigured or TokenState.Paused) || !view.IsWell).ToList();
        return new(counted.Count(view => view.IsWell), counted.Count);
    }
}
