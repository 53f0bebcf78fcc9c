using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>What the two charts are drawn from.</summary>
internal sealed record LogTrend(LogCharts Charts, IReadOnlyList<LogBar> Bars)
{
    /// <summary>What one bar stands for.</summary>
    public string Unit => LogCharts.Unit(Bars);
}

/// <summary>The log's charts, drawn as SVG that fits any width without script: places in percent, texts in their own size.</summary>
internal sealed class LogCharts(TimeFormat times)
{
    private const int Height = 130;
    private const int Foot = 20;

    /// <summary>Attempts in each hour or day, by what came of them.</summary>
    public IHtmlContent Attempts(IReadOnlyList<LogBar> bars)
    {
        var most = Math.Max(1, bars.Max(bar => bar.Tally.Finished + bar.Tally.Skipped));
        var worst = bars.MaxBy(bar => bar.Tally.Failed)!;
        var unit = Unit(bars);
        return Draw(
            "attempts",
            $"Attempts {unit}",
            $"{bars.Sum(bar => bar.Tally.Successful)} succeeded, {bars.Sum(bar => bar.Tally.Failed)} failed, {bars.Sum(bar => bar.Tally.Skipped)} skipped; at most {most} {unit}."
                + (worst.Tally.Failed > 0 ? $" Most failures: {worst.Tally.Failed} from {times.InZone(worst.Start)}." : ""),
            bars,
            $"{most}",
            (svg, bar, x, width) =>
            {
                var y = (double)Height;
                foreach (var (name, count) in new[] { ("ok", bar.Tally.Successful), ("no", bar.Tally.Failed), ("skipped", bar.Tally.Skipped) })
                {
                    var tall = count * (double)Height / most;
                    Rect(svg, name, x, y - tall, width, tall);
                    y -= tall;
                }
            },
            bar => $"{bar.Tally.Successful} succeeded, {bar.Tally.Failed} failed, {bar.Tally.Skipped} skipped");
    }

    /// <summary>How long successes and failures took on average.</summary>
    public IHtmlContent Durations(IReadOnlyList<LogBar> bars)
    {
        var longest = Math.Max(1, bars.Max(bar => bar.Tally.AverageMs ?? 0));
        var unit = Unit(bars);
        return Draw(
            "durations",
            $"Average duration {unit}",
            bars.All(bar => bar.Tally.Timed == 0) ? "No provider calls." : $"At most {LogWords.Duration(longest)}, from {times.InZone(bars.MaxBy(bar => bar.Tally.AverageMs ?? 0)!.Start)}.",
            bars,
            LogWords.Duration(longest),
            (svg, bar, x, width) =>
            {
                var tall = (bar.Tally.AverageMs ?? 0) * Height / longest;
                Rect(svg, "took", x, Height - tall, width, tall);
            },
            bar => bar.Tally.AverageMs is { } average ? $"avg {LogWords.Duration(average)} over {bar.Tally.Timed}" : "nothing");
    }

    internal static string Unit(IReadOnlyList<LogBar> bars) => bars[0].End - bars[0].Start > TimeSpan.FromHours(1) ? "a day" : "per hour";

    private HtmlString Draw(
        string id, string title, string description, IReadOnlyList<LogBar> bars, string top, Action<StringBuilder, LogBar, double, double> bar, Func<LogBar, string> words)
    {
        var width = 100d / bars.Count;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg class="chart" width="100%" height="{Height + Foot}" role="img" aria-labelledby="{id}-title {id}-words"><title id="{id}-title">{Encode(title)}</title><desc id="{id}-words">{Encode(description)}</desc>""");
        svg.Append(CultureInfo.InvariantCulture, $"""<line class="axis" x1="0" x2="100%" y1="0.5" y2="0.5"/><line class="axis" x1="0" x2="100%" y1="{Height}.5" y2="{Height}.5"/>""");
        for (var number = 0; number < bars.Count; number++)
        {
            svg.Append("<g>");
            svg.Append(CultureInfo.InvariantCulture, $"<title>{Encode($"{times.InZone(bars[number].Start)[..16]} to {times.InZone(bars[number].End)[11..16]}: {words(bars[number])}")}</title>");
            svg.Append(CultureInfo.InvariantCulture, $"""<rect class="hit" x="{number * width:0.###}%" y="0" width="{width:0.###}%" height="{Height}"/>""");
            bar(svg, bars[number], (number * width) + (width * 0.08), width * 0.84);
            svg.Append("</g>");
        }

        svg.Append(CultureInfo.InvariantCulture, $"""<text class="most" x="2" y="13">{Encode(top)}</text>""");
        foreach (var (at, anchor) in new[] { (0, "start"), (bars.Count / 2, "middle"), (bars.Count - 1, "end") })
        {
            var x = anchor switch { "start" => 0, "end" => 100, _ => at * width };
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x:0.###}%" y="{Height + 15}" text-anchor="{anchor}">{Encode(anchor == "end" ? "now" : Label(bars[at].Start))}</text>""");
        }

        return new HtmlString(svg.Append("</svg>").ToString());
    }

    private string Label(DateTimeOffset at) => times.InZone(at)[5..16];

    private static void Rect(StringBuilder svg, string name, double x, double y, double width, double height)
    {
        if (height > 0)
        {
            // What happened at all is seen.
            var tall = Math.Max(1, height);
            svg.Append(CultureInfo.InvariantCulture, $"""<rect class="{name}" x="{x:0.###}%" y="{Math.Max(0, y - (tall - height)):0.#}" width="{width:0.###}%" height="{tall:0.#}"/>""");
        }
    }

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}
