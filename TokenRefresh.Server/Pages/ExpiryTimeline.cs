using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>Until when each token works if its provider answers nothing from now on: one time line for all, drawn as SVG, by provider, the first to die first.</summary>
internal sealed class ExpiryTimeline(TimeFormat times)
{
    private const int Head = 24, Row = 34, Group = 30;

    private const int LongestName = 24;

    // Near ends count more than far ones, so an hour is as wide as days are later; the ticks say where.
    private static readonly TimeSpan Bend = TimeSpan.FromMinutes(30);

    private static readonly (TimeSpan At, string Words)[] Ticks =
    [
        (TimeSpan.FromMinutes(10), "10 min"), (TimeSpan.FromHours(1), "1 h"), (TimeSpan.FromHours(6), "6 h"), (TimeSpan.FromDays(1), "1 d"), (TimeSpan.FromDays(3), "3 d"),
        (TimeSpan.FromDays(10), "10 d"), (TimeSpan.FromDays(30), "30 d"), (TimeSpan.FromDays(90), "90 d"), (TimeSpan.FromDays(366), "1 y"),
    ];

    /// <param name="tokens">Tokens that hold something.</param>
    public IHtmlContent Draw(IEnumerable<TokenView> tokens)
    {
        var groups = tokens.GroupBy(token => token.Settings.Provider.Name).Select(group => (Provider: group.Key, Tokens: group.OrderBy(token => token.TimeLeft).ToList()))
            .OrderBy(group => group.Tokens[0].TimeLeft).ToList();
        var longest = groups.SelectMany(group => group.Tokens).Max(token => token.TimeLeft!.Value);
        var end = longest > TimeSpan.FromHours(1) ? longest : TimeSpan.FromHours(1);
        var height = Head + groups.Sum(group => Group + (group.Tokens.Count * Row)) + 6;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg class="line" width="100%" height="{height}" role="img" aria-labelledby="line-title line-words"><title id="line-title">Outage runway</title><desc id="line-words">{Encode(string.Join(" ", groups.Select(Words)))}</desc>""");
        var last = 0d;
        foreach (var (at, words) in Ticks.Where(tick => tick.At <= end))
        {
            var x = Place(at, end);
            if (x - last < 11 || x > 97)
            {
                continue;
            }

            last = x;
            svg.Append(CultureInfo.InvariantCulture, $"""<g class="tick"><line x1="{x:0.##}%" x2="{x:0.##}%" y1="{Head - 6}" y2="{height}"/><text x="{x:0.##}%" y="13" text-anchor="middle">{words}</text></g>""");
        }

        svg.Append("""<g class="tick"><text x="0" y="13">now</text></g>""");
        var y = Head;
        foreach (var (provider, held) in groups)
        {
            svg.Append(CultureInfo.InvariantCulture, $"""<text class="group" x="0" y="{y + 20}">{Encode(provider)}</text>""");
            y += Group;
            foreach (var token in held)
            {
                var x = Place(token.TimeLeft!.Value, end);
                svg.Append(CultureInfo.InvariantCulture, $"""<g class="{LifetimeBar.Kind(token.State)}"><title>{Encode(Words(token))}</title><text x="0" y="{y + 12}">{Encode(Short(token.Name))}</text><text class="when" x="100%" y="{y + 12}" text-anchor="end">{Encode(Until(token))}</text>""");
                svg.Append(CultureInfo.InvariantCulture, $"""<line class="life" x1="3" x2="{Math.Clamp(x, 1, 99):0.##}%" y1="{y + 22}" y2="{y + 22}"/></g>""");
                y += Row;
            }
        }

        return new HtmlString(svg.Append("</svg>").ToString());
    }

    private string Words((string Provider, List<TokenView> Tokens) group) => $"{group.Provider}: {string.Join("; ", group.Tokens.Select(Words))}.";

    private string Words(TokenView token) => $"{token.Name} {(token.TimeLeft > TimeSpan.Zero ? "valid until" : "expired at")} {Until(token)}";

    private string Until(TokenView token) => times.InZone(token.Stored!.ExpiresAt!.Value)[..16];

    private static double Place(TimeSpan left, TimeSpan end) => left <= TimeSpan.Zero ? 0 : Math.Log(1 + (left / Bend)) / Math.Log(1 + (end / Bend)) * 100;

    // On a phone a longer one would reach its date; the title has it whole.
    private static string Short(string name) => name.Length <= LongestName ? name : $"{name.AsSpan(0, LongestName - 1)}…";

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}
