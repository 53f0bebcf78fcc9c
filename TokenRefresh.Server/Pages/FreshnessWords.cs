using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>The freshness objective as the panel shows it: the figures of the token that stands worst to it.</summary>
internal static class FreshnessWords
{
    /// <summary>For example <c>99.988 %</c>; never rounded up to what was not reached.</summary>
    public static string Availability(FreshnessReport freshness, PanelText text) =>
        text.Percent(freshness.Worst is { } worst ? Math.Floor(freshness.Availability(worst) * 1000) / 1000 : 100, "0.###");

    /// <summary>What is left of its budget, and which token that is.</summary>
    public static Phrase Budget(FreshnessReport freshness) => freshness.Worst is not { } worst ? (Phrase)$"{freshness.Budget} of budget left"
        : freshness.Left(worst) is var left && left > TimeSpan.Zero ? (Phrase)$"{left} of {freshness.Budget} budget left, {worst.Token}"
        : (Phrase)$"The budget of {freshness.Budget} is used up, {worst.Token}";

    /// <summary>How fast the last hour took from a token's budget; null where it lost nothing in the whole window.</summary>
    public static Phrase? Burn(FreshnessReport freshness, TokenFreshness? token, PanelText text) =>
        token is { Unavailable.Ticks: > 0 } lost ? (Phrase)$"Burn rate in the last hour: {text.Number(freshness.BurnRate(lost), "0.#")}" : null;

    /// <summary>What is left of it as a share from 0 to 1.</summary>
    public static double Share(FreshnessReport freshness) => freshness.Worst is { } worst ? Math.Clamp(freshness.Left(worst) / freshness.Budget, 0, 1) : 1;
}
