using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;

namespace TokenRefresh.Server.Pages;

/// <summary>What came of the attempts of an hour or a day.</summary>
internal readonly record struct UptimeCell(DateTimeOffset Start, long Succeeded, long Failed);

/// <summary>A strip of hours or days, one cell each: grey where nothing was tried, amber where some attempts failed, red where most did.</summary>
internal sealed class UptimeStrip(PanelText text, TimeFormat times)
{
    private static readonly string[] Kinds = ["none", "well", "warn", "ill"];

    // Red where fewer than half succeeded.
    private static string Kind(UptimeCell cell) => cell is { Succeeded: 0, Failed: 0 } ? "none" : cell.Failed > cell.Succeeded ? "ill" : cell.Failed > 0 ? "warn" : "well";

    /// <summary>A strip of days, each of which tells what came of it.</summary>
    /// <param name="summary">What the strip says as a whole, for those who do not see it.</param>
    public IHtmlContent Days(IReadOnlyList<UptimeCell> cells, Phrase summary)
    {
        var html = new StringBuilder();
        html.Append($"<span class=\"uptime\" role=\"img\" aria-label=\"{Encode(text.Plain(summary))}\">");
        foreach (var cell in cells)
        {
            var when = times.DayOf(cell.Start);
            html.Append($"<i class=\"{Kind(cell)}\" title=\"{Encode(text.Plain(cell is { Succeeded: 0, Failed: 0 } ? (Phrase)$"{when}: no attempts" : (Phrase)$"{when}: {cell.Succeeded} succeeded, {cell.Failed} failed"))}\"></i>");
        }

        return new HtmlString(html.Append("</span>").ToString());
    }

    /// <summary>A strip of hours for a row of a list: one dashed line for each kind, as cells of their own would be most of the page.</summary>
    /// <param name="summary">What the strip says as a whole.</param>
    public IHtmlContent Hours(IReadOnlyList<UptimeCell> cells, Phrase summary)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<svg class=\"hours\" viewBox=\"0 0 {cells.Count} 2\" preserveAspectRatio=\"none\" role=\"img\"><title>{Encode(text.Plain(summary))}</title>");
        foreach (var kind in Kinds)
        {
            var runs = new StringBuilder();
            for (var (start, end) = (0, 0); start < cells.Count; start = end)
            {
                for (end = start + 1; end < cells.Count && Kind(cells[end]) == Kind(cells[start]);)
                {
                    end++;
                }

                runs.Append(Kind(cells[start]) == kind ? string.Create(CultureInfo.InvariantCulture, $"M{start} 1h{end - start}") : "");
            }

            html.Append(runs.Length == 0 ? "" : $"<path class=\"{kind}\" d=\"{runs}\"/>");
        }

        return new HtmlString(html.Append("</svg>").ToString());
    }

    /// <summary>The cells of a stretch, gaps included.</summary>
    /// <param name="length">How long a cell is.</param>
    public static IReadOnlyList<UptimeCell> Cells(IEnumerable<UptimeCell> counted, DateTimeOffset start, TimeSpan length, int count)
    {
        var cells = Enumerable.Range(0, count).Select(number => new UptimeCell(start + (number * length), 0, 0)).ToArray();
        foreach (var (at, succeeded, failed) in counted)
        {
            if (at >= start && (int)((at - start) / length) is var number && number < count)
            {
                cells[number] = cells[number] with { Succeeded = cells[number].Succeeded + succeeded, Failed = cells[number].Failed + failed };
            }
        }

        return cells;
    }

    private static string Encode(string plain) => PageEncoder.Html.Encode(plain);
}
