using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace TokenRefresh.Jobs.Telemetry;

/// <summary>How one token stands, for the gauges.</summary>
/// <param name="ExpiresAt">Null while there is no token.</param>
/// <param name="DueAt">Null where nothing can be done without a person.</param>
public readonly record struct TokenGauge(string Token, string Provider, DateTimeOffset? ExpiresAt, DateTimeOffset? DueAt);

/// <summary>What this program measures of itself. Names and kinds only, never a secret.</summary>
public sealed class TokenMetrics
{
    /// <summary>The name of the meter and of the source of traces.</summary>
    public const string Name = "TokenRefresh";

    /// <summary>The outcome of a refresh that found another one of the same token under way.</summary>
    internal const string InFlight = "in_flight";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter meter;
    private readonly TimeProvider clock;
    private readonly Counter<long> refreshes;
    private readonly Counter<long> contentions;
    private readonly Counter<long> reads;
    private readonly Histogram<double> providerCalls;

    /// <summary>Ticks of the oldest unsent notification's birth: 0 where none waits, negative before anybody has looked.</summary>
    private long unsentSince = -1;

    /// <summary>Creates the instruments; they cost almost nothing without a listener.</summary>
    public TokenMetrics(IMeterFactory meters, TimeProvider clock)
    {
        this.clock = clock;
        meter = meters.Create(Name);
        refreshes = meter.CreateCounter<long>("tokenrefresh.refreshes", null, "Refreshes by provider, trigger and outcome; the outcome of a failure is its error code.");
        contentions = meter.CreateCounter<long>("tokenrefresh.lease.contentions", null, "Refreshes that found another refresh of the same token in flight.");
        reads = meter.CreateCounter<long>("tokenrefresh.reads", null, "Reads of the API by outcome (served, stale, unavailable) and reason.");
        providerCalls = meter.CreateHistogram(
            "tokenrefresh.provider.call.duration", "s", "Duration of provider calls, by provider, call and outcome.", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] });
        meter.CreateObservableGauge("tokenrefresh.outbox.age", OutboxAge, "s", "Age of the oldest unsent notification, updated every minute; 0 if there is none.");
    }

    /// <summary>Takes down since when the oldest notification waits that should have been sent by now; null when none does.</summary>
    internal void Unsent(DateTimeOffset? since) => Interlocked.Exchange(ref unsentSince, since?.UtcTicks ?? 0);

    /// <summary>Adds the gauges of every token's time left; called once, by the service that knows the tokens.</summary>
    public void Observe(Func<IEnumerable<TokenGauge>> tokens)
    {
        meter.CreateObservableGauge(
            "tokenrefresh.token.valid", () => tokens().Select(token => new Measurement<int>(token.ExpiresAt > clock.GetUtcNow() ? 1 : 0, Tags(token))), null,
            "1 if the token is valid and served, else 0.");
        meter.CreateObservableGauge(
            "tokenrefresh.token.remaining_life",
            () => tokens().Where(token => token.ExpiresAt is not null).Select(token => new Measurement<double>((token.ExpiresAt!.Value - clock.GetUtcNow()).TotalSeconds, Tags(token))),
            "s", "Seconds until the stored token expires; negative once it has expired.");
        meter.CreateObservableGauge(
            "tokenrefresh.token.overdue",
            () => tokens().Where(token => token.DueAt is not null).Select(token => new Measurement<double>(Math.Max(0, (clock.GetUtcNow() - token.DueAt!.Value).TotalSeconds), Tags(token))),
            "s", "Seconds since the token's refresh became due; 0 if it is not due.");
    }

    /// <summary>Adds the gauge that shows whether anyone can be notified; called once, by the service that knows it.</summary>
    /// <param name="readiness">Whether someone can be, and the code of the state.</param>
    public void ObserveNotifications(Func<(bool CanNotify, string State)> readiness) => meter.CreateObservableGauge(
        "tokenrefresh.notifications.deliverable",
        () =>
        {
            var (canNotify, state) = readiness();
            return new Measurement<int>(canNotify ? 1 : 0, new KeyValuePair<string, object?>("state", state));
        },
        null,
        "1 if notifications can be delivered outside this machine, else 0; state: ready, switched_off, no_recipient, no_mail_server or failing.");

    /// <summary>Adds the gauge of tokens that wait on this node's disk; called once, by the service that stores them.</summary>
    internal void ObserveUnsaved(Func<int> count) => meter.CreateObservableGauge(
        "tokenrefresh.unsaved", count, null, "Tokens that this node could not save yet; they are on its disk and are served meanwhile.");

    /// <summary>Counts a read.</summary>
    /// <param name="outcome"><c>served</c>, <c>stale</c> or <c>unavailable</c>.</param>
    /// <param name="reason">The reading's code, where it has one.</param>
    public void Read(string outcome, string? reason) => reads.Add(1, new("outcome", outcome), new("reason", reason ?? "none"));

    /// <summary>Begins the trace of an attempt; null while nobody collects traces.</summary>
    internal static Activity? StartRefresh(string token, string provider, string trigger) =>
        Source.StartActivity("refresh token")?.SetTag("tokenrefresh.token", token).SetTag("tokenrefresh.provider", provider).SetTag("tokenrefresh.trigger", trigger);

    /// <summary>Ends the trace.</summary>
    /// <param name="outcome">As for <see cref="Refreshed"/>.</param>
    internal static void End(Activity? activity, string outcome, bool isFailure)
    {
        activity?.SetTag("tokenrefresh.outcome", outcome);
        if (isFailure)
        {
            activity?.SetStatus(ActivityStatusCode.Error, outcome);
        }
    }

    /// <summary>Counts a refresh.</summary>
    /// <param name="outcome"><c>success</c>, <c>skipped</c>, <c>in_flight</c>, or the kind of the failure.</param>
    internal void Refreshed(string provider, string trigger, string outcome)
    {
        refreshes.Add(1, new("provider", provider), new("trigger", trigger), new("outcome", outcome));
        if (outcome == InFlight)
        {
            contentions.Add(1, new KeyValuePair<string, object?>("provider", provider));
        }
    }

    /// <summary>Counts a call of a provider.</summary>
    internal void Called(string provider, string call, string outcome, TimeSpan took) =>
        providerCalls.Record(took.TotalSeconds, new("provider", provider), new("call", call), new("outcome", outcome));

    private IEnumerable<Measurement<double>> OutboxAge() => Interlocked.Read(ref unsentSince) switch
    {
        < 0 => [],
        0 => [new(0)],
        var ticks => [new((clock.GetUtcNow() - new DateTimeOffset(ticks, TimeSpan.Zero)).TotalSeconds)],
    };

    private static KeyValuePair<string, object?>[] Tags(TokenGauge token) => [new("token", token.Token), new("provider", token.Provider)];
}
