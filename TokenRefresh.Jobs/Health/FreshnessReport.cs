namespace TokenRefresh.Jobs.Health;

/// <summary>How long one token had no valid value.</summary>
/// <param name="Unavailable">Within the window of the objective, what lasts included.</param>
/// <param name="LastHour">Within the last hour.</param>
public readonly record struct TokenFreshness(string Token, TimeSpan Unavailable, TimeSpan LastHour);

/// <summary>The freshness objective and what is left of its budget, for each token by itself. Pauses by a person are not counted.</summary>
/// <param name="Target">In percent.</param>
/// <param name="Window">The time up to now that is looked at.</param>
/// <param name="Tokens">The tokens that had no valid value at some time; the worst first. All others have their whole budget.</param>
public sealed record FreshnessReport(double Target, TimeSpan Window, IReadOnlyList<TokenFreshness> Tokens)
{
    /// <summary>
    /// At 14.4 times the rate that the objective allows, an hour takes 2 % of a budget of 30 days: the usual bound for being told at once
    /// (The Site Reliability Workbook, "Alerting on SLOs").
    /// </summary>
    public const double FastBurn = 14.4;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>How long a token may be without a valid value within the window.</summary>
    public TimeSpan Budget => Window * Share;

    private double Share => (100 - Target) / 100;

    /// <summary>The same of some of the tokens.</summary>
    internal FreshnessReport Of(Func<TokenFreshness, bool> isAsked) => this with { Tokens = [.. Tokens.Where(isAsked)] };

    /// <summary>The figures of a token.</summary>
    public TokenFreshness Of(string token) => Tokens.FirstOrDefault(each => each.Token == token) is { Token: not null } found ? found : new(token, TimeSpan.Zero, TimeSpan.Zero);

    /// <summary>The share of the window in which the token had a valid value, in percent.</summary>
    public double Availability(TokenFreshness token) => 100 * (1 - (token.Unavailable / Window));

    /// <summary>What is left of the token's budget; negative once the objective is missed.</summary>
    public TimeSpan Left(TokenFreshness token) => Budget - token.Unavailable;

    /// <summary>How many times faster than the objective allows the last hour took from the budget.</summary>
    public double BurnRate(TokenFreshness token) => token.LastHour / (Hour * Share);

    /// <summary>The token that had no valid value for the longest time; null where all always had one.</summary>
    public TokenFreshness? Worst => Tokens.Count == 0 ? null : Tokens[0];
}
