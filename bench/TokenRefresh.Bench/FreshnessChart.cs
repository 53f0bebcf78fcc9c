using System.Globalization;
using System.Text;

namespace TokenRefresh.Bench;

/// <summary>Bars on a logarithmic scale: from none to a month of a year.</summary>
internal static class FreshnessChart
{
    private const int Left = 330, Width = 760, Bar = 13, Row = 16, Gap = 26;
    private const double MostLog = 6.5;

    private static readonly string[] Colours = ["#b4532a", "#b98a1d", "#6a7f95", "#8f6fa8", "#1f7a5a"];

    public static string Draw(IReadOnlyList<Cell> cells)
    {
        var text = new StringBuilder();
        var y = 34;
        text.AppendLine("<text class=\"title\" x=\"8\" y=\"20\">Expired seconds per token and year, logarithmic; one outage a week</text>");
        foreach (var cell in cells)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"<text class=\"group\" x=\"8\" y=\"{y + 14}\">token of {cell.Life}, outage of {cell.Outage}</text>");
            y += Gap - 4;
            for (var policy = 0; policy < cell.Ways.Length; policy++, y += Row)
            {
                var seconds = cell.Ways[policy].Expired;
                var length = seconds < 1 ? 0 : Math.Max(2, Math.Log10(seconds) / MostLog * (Width - Left - 90));
                text.AppendLine(CultureInfo.InvariantCulture, $"<text class=\"name\" x=\"{Left - 8}\" y=\"{y + 10}\">{Short(policy)}</text><rect x=\"{Left}\" y=\"{y}\" width=\"{length:0}\" height=\"{Bar}\" fill=\"{Colours[policy]}\"/><text x=\"{Left + length + 5:0}\" y=\"{y + 10}\">{seconds:#,0}</text>");
            }

            y += 8;
        }

        return string.Create(CultureInfo.InvariantCulture, $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width}} {{y + 6}}" role="img" aria-label="Expired seconds of a token-year under five ways to renew">
            <style>text { font: 11px system-ui, sans-serif; fill: #24302c; } .name { text-anchor: end; } .group, .title { font-weight: 600; } @media (prefers-color-scheme: dark) { text { fill: #dfe7e3; } }</style>
            {{text}}</svg>

            """);
    }

    private static string Short(int policy) => RenewalPolicyModel.All[policy].Name.Split(';')[0];
}
