using System.Diagnostics.Metrics;

namespace TokenRefresh.Jobs.Telemetry;

/// <summary>The status word of one token, for the gauge.</summary>
public readonly record struct TokenStatusGauge(string Token, string Provider, string Status);

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
    }

    /// <summary>Shows a new diagnosis.</summary>
    public void Show(string overall, IReadOnlyList<TokenStatusGauge> tokens) => last = new(overall, tokens);

    private sealed record Diagnosed(string Overall, IReadOnlyList<TokenStatusGauge> Tokens);
}
