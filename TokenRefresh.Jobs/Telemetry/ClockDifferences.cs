using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace TokenRefresh.Jobs.Telemetry;

/// <summary>A clock that this node's own differs from.</summary>
/// <param name="Other">Whose clock it is.</param>
/// <param name="Ahead">How far this node's clock is ahead of it; negative when it is behind.</param>
public sealed record ClockDifference(string Other, TimeSpan Ahead)
{
    /// <summary>As people read it.</summary>
    public string Words => $"this node's clock is {DurationFormat.InWords(TimeSpan.FromSeconds(Math.Round(Ahead.Duration().TotalSeconds)))} {(Ahead > TimeSpan.Zero ? "ahead of" : "behind")} the clock of {Other}";
}

/// <summary>How far this node's clock differs from others, as last measured. The one place that knows which difference is worth a word.</summary>
public sealed partial class ClockDifferences
{
    /// <summary>Postgres's clock.</summary>
    public const string Database = "the database";

    /// <summary>What is larger is named.</summary>
    public static readonly TimeSpan Tolerated = TimeSpan.FromSeconds(5);

    /// <summary>As <see cref="Tolerated"/>, of a provider's clock: it cannot be set here, and expiries are calculated with it.</summary>
    public static readonly TimeSpan ToleratedOfProvider = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly SortedDictionary<string, TimeSpan> measured = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TimeSpan> named = new(StringComparer.Ordinal);
    private readonly ILogger<ClockDifferences> log;

    /// <summary>Creates the gauge; it costs nothing without a listener.</summary>
    public ClockDifferences(IMeterFactory meters, ILogger<ClockDifferences> log)
    {
        this.log = log;
        meters.Create(TokenMetrics.Name).CreateObservableGauge(
            "tokenrefresh.clock.difference", Measurements, "s", "How far this node's clock is ahead of another one, as last measured; negative if it is behind.");
    }

    /// <summary>Those that are worth a word.</summary>
    public IReadOnlyList<ClockDifference> Named
    {
        get
        {
            lock (gate)
            {
                return [.. measured.Where(each => named.ContainsKey(each.Key)).Select(each => new ClockDifference(each.Key, each.Value))];
            }
        }
    }

    /// <summary>Takes down a measurement, and logs what it changes.</summary>
    /// <param name="other">Whose clock was looked at.</param>
    /// <param name="ahead">How far this node's clock is ahead of it; negative when it is behind.</param>
    /// <param name="uncertainty">By how much the measurement may be wrong: half of what the look took.</param>
    public void Note(string other, TimeSpan ahead, TimeSpan uncertainty)
    {
        var tolerated = other == Database ? Tolerated : ToleratedOfProvider;
        lock (gate)
        {
            measured[other] = ahead;
            var (isNamed, before) = (named.TryGetValue(other, out var last), last);
            if (ahead.Duration() - uncertainty > tolerated)
            {
                if (!isNamed || (ahead - before).Duration() - uncertainty > tolerated)
                {
                    named[other] = ahead;
                    LogDiffers(new ClockDifference(other, ahead).Words);
                }
            }

            // Half of it, so that one that lies at the limit is not logged at each look.
            else if (isNamed && ahead.Duration() + uncertainty < tolerated / 2)
            {
                named.Remove(other);
                LogAgrees(other);
            }
        }
    }

    private List<Measurement<double>> Measurements()
    {
        lock (gate)
        {
            return [.. measured.Select(each => new Measurement<double>(each.Value.TotalSeconds, new KeyValuePair<string, object?>("other", each.Key)))];
        }
    }

    [LoggerMessage(1061, LogLevel.Warning, "Clocks differ: {Difference}. Keep the clocks in sync, for example with NTP")]
    private partial void LogDiffers(string difference);

    [LoggerMessage(1062, LogLevel.Information, "This node's clock matches the clock of {Other} again")]
    private partial void LogAgrees(string other);
}
