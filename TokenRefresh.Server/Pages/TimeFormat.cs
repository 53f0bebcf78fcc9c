using System.Globalization;
using Microsoft.AspNetCore.Html;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Pages;

/// <summary>Instants as people read them: in the configured zone, with UTC on hover, and how far off.</summary>
internal sealed class TimeFormat(IOptions<ScheduleOptions> schedule, TimeProvider clock)
{
    public DateTimeOffset Now => clock.GetUtcNow();

    public string Zone => schedule.Value.TimeZone;

    /// <summary>Date and time in the zone.</summary>
    public IHtmlContent At(DateTimeOffset? instant) => instant is { } at ? Time(at, InZone(at)) : new HtmlString("<span class=\"none\">–</span>");

    /// <summary>How far off, such as <c>in 3 h</c> or <c>5 min ago</c>.</summary>
    public IHtmlContent Away(DateTimeOffset? instant) => Away(instant, "away");

    private HtmlString Away(DateTimeOffset? instant, string relative)
    {
        if (instant is not { } at)
        {
            return new HtmlString("<span class=\"none\">–</span>");
        }

        var off = at - Now;
        return Time(at, off < TimeSpan.Zero ? $"{DurationFormat.InWords(-off)} ago" : $"in {DurationFormat.InWords(off)}", relative);
    }

    /// <summary>When something is to happen; what should have by now is expected any moment.</summary>
    public IHtmlContent Ahead(DateTimeOffset? instant) => instant <= Now ? Time(instant.Value, "any moment", "ahead") : Away(instant, "ahead");

    /// <summary>The life that is left, such as <c>9 d 4 h</c>.</summary>
    public IHtmlContent Left(DateTimeOffset at) => at <= Now ? Away(at) : Time(at, DurationFormat.InWords(at - Now), "left");

    /// <summary>A day in the zone, such as <c>10 Dec</c>; with the time where it is less than two days away.</summary>
    public string Day(DateTimeOffset at) =>
        TimeZoneInfo.ConvertTime(at, schedule.Value.Zone).ToString((at - Now).Duration() < TimeSpan.FromDays(2) ? "d MMM HH:mm" : "d MMM", CultureInfo.InvariantCulture);

    public string InZone(DateTimeOffset at) => at.InZone(schedule.Value.Zone);

    /// <summary>Words in which instants of UTC stand, as the log keeps them, with those of the zone in their place.</summary>
    public string Words(string kept) => ZonedTime.Words(kept, schedule.Value.Zone);

    private HtmlString Time(DateTimeOffset at, string text, string? relative = null) => new(
        $"<time datetime=\"{at.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}\" title=\"{InZone(at)} {Zone} · {at.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC\"{(relative is null ? "" : $" data-relative=\"{relative}\"")}>{text}</time>");
}
