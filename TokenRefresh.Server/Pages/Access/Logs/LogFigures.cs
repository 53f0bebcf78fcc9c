using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>One bar of the charts: an hour, or a day.</summary>
internal sealed record LogBar(DateTimeOffset Start, DateTimeOffset End, AttemptAggregate Tally);

/// <summary>The figures of one window.</summary>
internal sealed record LogWindow(int Hours, string Words, AttemptStatistics Figures);

/// <summary>How often one error code came in each window.</summary>
internal sealed record LogFailure(string Code, IReadOnlyList<long> Counts);

/// <summary>Everything that the log page counts, of all attempts or of one provider or token, in one reading.</summary>
internal sealed record LogFigures(IReadOnlyList<LogWindow> Windows, IReadOnlyList<LogBar> Bars, IReadOnlyList<LogFailure> Failures)
{
    public static readonly IReadOnlyList<(int Hours, string Words)> Spells = [(24, "24 hours"), (7 * 24, "7 days"), (30 * 24, "30 days")];

    /// <param name="chart">How many hours the charts show; one of <see cref="Spells"/>.</param>
    public static async Task<LogFigures> ReadAsync(AttemptHours hours, AttemptScope scope, DateTimeOffset now, int chart, CancellationToken cancellationToken)
    {
        DateTimeOffset[] edges = [.. Spells.Select(spell => now.AddHours(-spell.Hours))];
        var bars = Empty(now, chart);
        var periods = await hours.PeriodsAsync(scope, [.. edges, .. bars.Select(bar => bar.Start)], cancellationToken);
        foreach (var period in periods)
        {
            bars.Find(bar => bar.Start <= period.Start && period.Start < bar.End)?.Tally.Add(period.Tally);
        }

        var windows = await Task.WhenAll(Spells.Zip(edges).Select(async window => new LogWindow(
            window.First.Hours, window.First.Words, await hours.StatisticsAsync(periods, scope, window.Second, cancellationToken))));
        return new(windows, bars, Gather(periods, edges));
    }

    // A week is drawn by the hour, a month by the day; the last bar is the one that is open.
    private static List<LogBar> Empty(DateTimeOffset now, int chart)
    {
        var length = TimeSpan.FromHours(chart > 7 * 24 ? 24 : 1);
        var first = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero).AddHours(1 - chart);
        return [.. Enumerable.Range(0, (int)(TimeSpan.FromHours(chart) / length)).Select(bar => new LogBar(first + (bar * length), first + ((bar + 1) * length), new()))];
    }

    private static List<LogFailure> Gather(IReadOnlyList<AttemptPeriod> periods, DateTimeOffset[] edges) =>
    [
        .. periods.SelectMany(period => period.Tally.Failures.Select(failure => (period.Start, failure.Key, failure.Value)))
            .GroupBy(failure => failure.Key)
            .Select(code => new LogFailure(code.Key, [.. edges.Select(edge => code.Where(failure => failure.Start >= edge).Sum(failure => failure.Value))]))
            .OrderByDescending(failure => failure.Counts[0]).ThenByDescending(failure => failure.Counts[^1]).ThenBy(failure => failure.Code, StringComparer.Ordinal),
    ];
}
