using System.Globalization;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>How long each token works if its provider stops now: bars on one scale, wider near now, drawn as SVG, with a mark at the next refresh.</summary>
internal static class Runway
{
    // Near ends count more than far ones: an hour is as wide as days are later.
    private static readonly TimeSpan Bend = TimeSpan.FromMinutes(30), LeastScale = TimeSpan.FromHours(1);

    /// <param name="all">The tokens that share the scale.</param>
    public static IHtmlContent Draw(TokenView token, IReadOnlyList<TokenView> all, PanelText text)
    {
        var longest = all.Max(each => each.TimeLeft!.Value);
        var scale = longest > LeastScale ? longest : LeastScale;
        var left = token.TimeLeft!.Value;
        var due = token.NextRefreshAt - token.AsOf;
        var words = text.Plain(left <= TimeSpan.Zero ? $"{token.Name} expired {-left} ago" : due is { } ahead && ahead > TimeSpan.Zero ? $"{token.Name} is valid for {left}; next refresh in {ahead}" : (Phrase)$"{token.Name} is valid for {left}");
        var mark = due is { } at && at > TimeSpan.Zero && at < left ? string.Create(CultureInfo.InvariantCulture, $"""<rect class="due" x="{Place(at, scale):0.##}%" y="0" width="2" height="12"/>""") : "";
        return new HtmlString(string.Create(
            CultureInfo.InvariantCulture,
            $"""<svg class="run" width="100%" height="12" role="img" aria-label="{PageEncoder.Html.Encode(words)}"><rect class="back" y="3" width="100%" height="6" rx="3"/><rect class="track" y="3" width="{Math.Max(1, Place(left, scale)):0.##}%" height="6" rx="3"/>{mark}</svg>"""));
    }

    private static double Place(TimeSpan left, TimeSpan end) => left <= TimeSpan.Zero ? 0 : Math.Log(1 + (left / Bend)) / Math.Log(1 + (end / Bend)) * 100;
}
