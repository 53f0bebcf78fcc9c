using System.Diagnostics.Metrics;

namespace TokenRefresh.Jobs.Telemetry;

/// <summary>What the gauges show of one token.</summary>
/// <param name="Status">Its status word.</param>
/// <param name="Availability">The share of the objective's window in which it had a valid value, 0 to 1.</param>
/// <param name="BudgetLeft">Seconds without a valid value that the objective still allows; negative once it is missed.</param>
/// <param name="BurnRate">How many times faster than the objective allows the last hour took from the budget.</param>
public readonly record struct TokenStatusGauge(string Token, string Provider, string Status, double Availability, double BudgetLeft, double BurnRate);

/// <summary>Shows the last diagnosis that this node made as gauges: the status words of all tokens and of the whole.</summary>
public sealed class StatusMetrics
{
    private volatile Diagnosed? last;

    /// <summary>Makes the gauges; they have no value before the first diagnosis.</summary>
    public StatusMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(TokenMetrics.Name);
        meter.CreateObservableGauge(
            "tokenrefresh.status", () => last is { } seen ? [new Measurement<int>(1, new KeyValuePair<string, object?>("status", seen.Overall))] : Array.Empty<Measurement<int>>(), null,
            "1 for the overall status: operational, degraded, action_required or outage.");
        meter.CreateObservableGauge(
            "tokenrefresh.token.status", () => last?.Tokens.Select(token => new Measurement<int>(1, new("token", token.Token), new("provider", token.Provider), new("status", token.Status))) ?? [], null,
            "1 for each token's status: healthy, pending, degraded, critical, action_required, expired, paused or not_configured.");
        meter.CreateObservableGauge(
            "tokenrefresh.token.availability", () => last?.Tokens.Select(token => new Measurement<double>(token.Availability, new("token", token.Token), new("provider", token.Provider))) ?? [], null,
            "The share of the objective's window in which the token had a valid value, 0 to 1.");
        meter.CreateObservableGauge(
            "tokenrefresh.token.freshness.budget", () => last?.Tokens.Select(token => new Measurement<double>(token.BudgetLeft, new("token", token.Token), new("provider", token.Provider))) ?? [], "s",
            "Time without a valid value that the freshness objective still allows the token; negative once it is missed.");
        meter.CreateObservableGauge(
            "tokenrefresh.token.freshness.burn_rate", () => last?.Tokens.Select(token => new Measurement<double>(token.BurnRate, new("token", token.Token), new("provider", token.Provider))) ?? [], null,
            "How many times faster than the freshness objective allows the last hour took from the token's budget.");
    }

    /// <summary>Shows a new diagnosis.</summary>
    public void Show(string overall, IReadOnlyList<TokenStatusGauge> tokens) => last = new(overall, tokens);

    private sealed record Diagnosed(string Overall, IReadOnlyList<TokenStatusGauge> Tokens);
}
