using Spectre.Console.Rendering;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary>A column of a table.</summary>
/// <param name="Heading">What stands above it.</param>
/// <param name="Rank">How soon it gives way in a narrow terminal: the highest rank first. Left out: a column further right gives way sooner. The first never does.</param>
/// <param name="IsProse">Words that may be cut short; anything else is shown whole or not at all.</param>
internal sealed record Column(string Heading, int? Rank = null, bool IsProse = false)
{
    public static implicit operator Column(string heading) => new(heading);
}

/// <summary>
/// Rows below their headings, within a width: what does not fit is cut at the end of a word, and left out where too little would be left, from the least
/// important column on. No word is broken and no row takes a second line.
/// </summary>
internal static class TextTable
{
    private const string Gap = "  ";
    private const string Cut = " …";

    /// <summary>Less of a sentence than this says nothing.</summary>
    private const int LeastProse = 16;

    /// <summary>The lines, and the headings of the columns that found no room.</summary>
    /// <param name="width">Of the terminal; null where there is none, as in a pipe: whole rows, so that grep and awk find them.</param>
    public static (IReadOnlyList<string> Lines, IReadOnlyList<string> Hidden) Render(IReadOnlyList<Column> columns, IReadOnlyList<IReadOnlyList<string>> rows, int? width)
    {
        var cells = rows.Select(row => row.Select(OneLine.Of).ToList()).ToList();
        var widths = columns.Select((column, index) => cells.Select(row => Width(row[index])).Append(Width(column.Heading)).Max()).ToArray();
        if (width is { } room)
        {
            Fit(columns, widths, room);
        }

        var shown = Enumerable.Range(0, columns.Count).Where(index => widths[index] > 0).ToList();
        return (
            [.. cells.Prepend([.. columns.Select(column => column.Heading)]).Select(row => Line(shown.Select(index => (Text: row[index], Width: widths[index])).ToList()))],
            [.. columns.Where((_, index) => widths[index] == 0).Select(column => column.Heading)]);
    }

    private static void Fit(IReadOnlyList<Column> columns, int[] widths, int room)
    {
        foreach (var index in Enumerable.Range(1, columns.Count - 1).OrderByDescending(index => columns[index].Rank ?? index).ThenByDescending(index => index))
        {
            var excess = widths.Where(width => width > 0).Sum(width => width + Gap.Length) - Gap.Length - room;
            if (excess <= 0)
            {
                return;
            }

            var left = widths[index] - excess;
            widths[index] = columns[index].IsProse && left >= Math.Max(LeastProse, Width(columns[index].Heading)) ? left : 0;
        }
    }

    private static string Line(List<(string Text, int Width)> cells) =>
        string.Join(Gap, cells.Select(cell => Shorten(cell.Text, cell.Width)).Select((text, index) => index == cells.Count - 1 ? text : text + new string(' ', Math.Max(0, cells[index].Width - Width(text))))).TrimEnd();

    private static string Shorten(string text, int width)
    {
        if (Width(text) <= width)
        {
            return text;
        }

        var end = text.Length;
        while (end > 0 && Width(text[..end]) + Cut.Length > width)
        {
            end = text.LastIndexOf(' ', end - 1);
        }

        return end > 0 ? text[..end].TrimEnd(' ', ',', ';', ':', '.') + Cut : Cut.Trim();
    }

    private static int Width(string text) => Segment.CellCount([new Segment(text)]);
}
