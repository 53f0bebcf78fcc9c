using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>Thirty days of a token drawn as SVG: each lifetime from its issue to its end, the stretches without a valid value, and the hours in which attempts failed.</summary>
internal sealed class LifetimeChart(PanelText text, TimeFormat times)
{
    public const int Days = 30;

    private const int Height = 56;

    public IHtmlContent Draw(IReadOnlyList<TokenLifetime> lives, IReadOnlyList<UnavailableInterval> gaps, IReadOnlyList<AttemptOutcomes> hours, DateTimeOffset? expiredAt)
    {
        var (now, svg) = (times.Now, new StringBuilder());
        var start = now.AddDays(-Days);
        var failed = hours.Where(hour => hour.Failed > 0).ToList();
        var summary = text.Plain($"Thirty days: {lives.Count(life => life.SeenEnd > start)} lifetimes, {gaps.Count} stretches without a valid value, {failed.Sum(hour => hour.Failed)} failed attempts");
        svg.Append(CultureInfo.InvariantCulture, $"""<svg class="lives" width="100%" height="{Height}" role="img" aria-label="{Encode(summary)}">""");
        foreach (var life in lives.Where(life => life.SeenEnd > start))
        {
            var (from, to) = (Place(life.From), Place(life.SeenEnd < now ? life.SeenEnd : now));
            svg.Append(CultureInfo.InvariantCulture, $"""<g class="{(life.End is LifetimeEnd.Living or LifetimeEnd.Replaced ? "valid" : "refused")}"><title>{Encode(text.Plain($"Issued {life.From}, valid until {life.SeenEnd}"))}</title><rect x="{from:0.##}%" y="14" width="{Math.Max(0.3, to - from - 0.15):0.##}%" height="14" rx="2"/></g>""");
        }

        foreach (var (from, to, words) in gaps.Select(gap => (gap.From, gap.To, (Phrase)$"No valid value from {gap.From} to {gap.To}: {(Phrase)FailureWords.InWords(gap.Cause)}"))
            .Concat(expiredAt is { } ended && ended < now ? [(ended, now, (Phrase)$"No valid value since {ended}")] : []))
        {
            svg.Append(CultureInfo.InvariantCulture, $"""<g class="gap"><title>{Encode(text.Plain(words))}</title><rect x="{Place(from):0.##}%" y="14" width="{Math.Max(0.3, Place(to) - Place(from)):0.##}%" height="14"/></g>""");
        }

        foreach (var hour in failed)
        {
            svg.Append(CultureInfo.InvariantCulture, $"""<g class="failed"><title>{Encode(text.Plain($"{hour.Hour}: {hour.Failed} failed"))}</title><rect x="{Place(hour.Hour):0.##}%" y="4" width="3" height="8"/></g>""");
        }

        foreach (var (at, anchor) in new[] { (start, "start"), (now.AddDays(-Days / 2), "middle"), (now, "end") })
        {
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{(anchor == "start" ? 0 : anchor == "middle" ? 50 : 100)}%" y="46" text-anchor="{anchor}">{Encode(anchor == "end" ? text.Plain("now") : times.DayOf(at))}</text>""");
        }

        return new HtmlString(svg.Append("</svg>").ToString());

        double Place(DateTimeOffset at) => Math.Clamp((at - start) / (now - start) * 100, 0, 100);
    }

    private static string Encode(string plain) => PageEncoder.Html.Encode(plain);
}
