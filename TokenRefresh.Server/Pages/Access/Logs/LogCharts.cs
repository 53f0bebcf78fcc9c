using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>What the two charts are drawn from.</summary>
internal sealed record LogTrend(LogCharts Charts, IReadOnlyList<LogBar> Bars)
{
    /// <summary>True where one bar is a day, false where it is an hour.</summary>
    public bool IsDaily => LogCharts.IsDaily(Bars);
}

/// <summary>The log's charts, drawn as SVG that fits any width without script: places in percent, texts in their own size.</summary>
internal sealed class LogCharts(TimeFormat times, PanelText text)
{
    private const int Height = 130;
    private const int Foot = 20;

    /// <summary>Attempts in each hour or day, by what came of them.</summary>
    public IHtmlContent Attempts(IReadOnlyList<LogBar> bars)
    {
        var most = Most(bars);
        var worst = bars.MaxBy(bar => bar.Tally.Failed)!;
        var (succeeded, failed, skipped) = (bars.Sum(bar => bar.Tally.Successful), bars.Sum(bar => bar.Tally.Failed), bars.Sum(bar => bar.Tally.Skipped));
        return Draw(
            "attempts",
            IsDaily(bars) ? "Attempts a day" : "Attempts per hour",
            worst.Tally.Failed > 0
                ? (Phrase)$"{succeeded} succeeded, {failed} failed, {skipped} skipped; most failures: {worst.Tally.Failed} from {worst.Start}."
                : (Phrase)$"{succeeded} succeeded, {failed} failed, {skipped} skipped.",
            bars,
            text.Number(most),
            (svg, bar, x, width) => Stack(svg, bar, x, width, Height, most),
            Counts);
    }

    /// <summary>How long successes and failures took on average.</summary>
    public IHtmlContent Durations(IReadOnlyList<LogBar> bars)
    {
        var longest = Math.Max(1, bars.Max(bar => bar.Tally.AverageMs ?? 0));
        return Draw(
            "durations",
            IsDaily(bars) ? "Average duration a day" : "Average duration per hour",
            bars.All(bar => bar.Tally.Timed == 0) ? "No provider calls." : (Phrase)$"At most {text.Duration(longest)}, from {bars.MaxBy(bar => bar.Tally.AverageMs ?? 0)!.Start}.",
            bars,
            text.Duration(longest),
            (svg, bar, x, width) =>
            {
                var tall = (bar.Tally.AverageMs ?? 0) * Height / longest;
                Rect(svg, "took", x, Height - tall, width, tall);
            },
            bar => bar.Tally.AverageMs is { } average ? (Phrase)$"avg {text.Duration(average)} over {bar.Tally.Timed}" : "nothing");
    }

    /// <summary>A slim chart of attempts above the rows: a click on a bar shows the rows of its hour or day.</summary>
    /// <param name="address">Where a bar leads.</param>
    public IHtmlContent Slim(IReadOnlyList<LogBar> bars, Func<LogBar, string> address)
    {
        const int height = 40;
        var (most, width, svg) = (Most(bars), 100d / bars.Count, new StringBuilder());
        svg.Append(CultureInfo.InvariantCulture, $"""<svg class="chart slim" width="100%" height="{height}" role="group" aria-label="{Encode(text.Plain(IsDaily(bars) ? "Attempts a day" : "Attempts per hour"))}"><line class="axis" x1="0" x2="100%" y1="{height}" y2="{height}"/>""");
        for (var number = 0; number < bars.Count; number++)
        {
            var words = Encode(text.Plain($"{times.Minute(bars[number].Start)}: {Counts(bars[number])}"));
            svg.Append(CultureInfo.InvariantCulture, $"""<a href="{Encode(address(bars[number]))}" aria-label="{words}" tabindex="{(bars[number].Tally.Total > 0 ? 0 : -1)}"><title>{words}</title><rect class="hit" x="{number * width:0.###}%" y="0" width="{width:0.###}%" height="{height}"/>""");
            Stack(svg, bars[number], (number * width) + (width * 0.08), width * 0.84, height, most);
            svg.Append("</a>");
        }

        return new HtmlString(svg.Append("</svg>").ToString());
    }

    internal static bool IsDaily(IReadOnlyList<LogBar> bars) => bars[0].End - bars[0].Start > TimeSpan.FromHours(1);

    private static long Most(IReadOnlyList<LogBar> bars) => Math.Max(1, bars.Max(bar => bar.Tally.Finished + bar.Tally.Skipped));

    private static Phrase Counts(LogBar bar) => $"{bar.Tally.Successful} succeeded, {bar.Tally.Failed} failed, {bar.Tally.Skipped} skipped";

    private static void Stack(StringBuilder svg, LogBar bar, double x, double width, int height, long most)
    {
        var y = (double)height;
        foreach (var (name, count) in new[] { ("ok", bar.Tally.Successful), ("no", bar.Tally.Failed), ("skipped", bar.Tally.Skipped) })
        {
            var tall = count * (double)height / most;
            Rect(svg, name, x, y - tall, width, tall);
            y -= tall;
        }
    }

    private HtmlString Draw(
        string id, Phrase title, Phrase description, IReadOnlyList<LogBar> bars, string top, Action<StringBuilder, LogBar, double, double> bar, Func<LogBar, Phrase> words)
    {
        var width = 100d / bars.Count;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg class="chart" width="100%" height="{Height + Foot}" role="img" aria-labelledby="{id}-title {id}-words"><title id="{id}-title">{Encode(text.Plain(title))}</title><desc id="{id}-words">{Encode(text.Plain(description))}</desc>""");
        svg.Append(CultureInfo.InvariantCulture, $"""<line class="axis" x1="0" x2="100%" y1="0.5" y2="0.5"/><line class="axis" x1="0" x2="100%" y1="{Height}.5" y2="{Height}.5"/>""");
        for (var number = 0; number < bars.Count; number++)
        {
            svg.Append("<g>");
            svg.Append(CultureInfo.InvariantCulture, $"<title>{Encode(text.Plain($"{times.Minute(bars[number].Start)} to {times.Clock(bars[number].End)}: {words(bars[number])}"))}</title>");
            svg.Append(CultureInfo.InvariantCulture, $"""<rect class="hit" x="{number * width:0.###}%" y="0" width="{width:0.###}%" height="{Height}"/>""");
            bar(svg, bars[number], (number * width) + (width * 0.08), width * 0.84);
            svg.Append("</g>");
        }

        svg.Append(CultureInfo.InvariantCulture, $"""<text class="most" x="2" y="13">{Encode(top)}</text>""");
        foreach (var (at, anchor) in new[] { (0, "start"), (bars.Count / 2, "middle"), (bars.Count - 1, "end") })
        {
            var x = anchor switch { "start" => 0, "end" => 100, _ => at * width };
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x:0.###}%" y="{Height + 15}" text-anchor="{anchor}">{Encode(anchor == "end" ? text.Plain("now") : IsDaily(bars) ? times.DayOf(bars[at].Start) : times.Day(bars[at].Start))}</text>""");
        }

        return new HtmlString(svg.Append("</svg>").ToString());
    }

    private static void Rect(StringBuilder svg, string name, double x, double y, double width, double height)
    {
        if (height > 0)
        {
            // What happened at all is seen.
            var tall = Math.Max(1, height);
            svg.Append(CultureInfo.InvariantCulture, $"""<rect class="{name}" x="{x:0.###}%" y="{Math.Max(0, y - (tall - height)):0.#}" width="{width:0.###}%" height="{tall:0.#}"/>""");
        }
    }

    private static string Encode(string text) => PageEncoder.Html.Encode(text);
}
