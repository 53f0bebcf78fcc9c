using System.Globalization;
using Microsoft.AspNetCore.Html;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>Instants as people read them: in the configured zone and their calendar, with UTC on hover, and how far off.</summary>
internal sealed class TimeFormat(IOptions<ScheduleOptions> schedule, PanelPreferences preferences, TimeProvider clock)
{
    private readonly TimeZoneInfo zone = schedule.Value.Zone;

    public DateTimeOffset Now => clock.GetUtcNow();

    public string Zone => schedule.Value.TimeZone;

    private Language Language => preferences.Language;

    /// <summary>Date and time in the zone.</summary>
    public IHtmlContent At(DateTimeOffset? instant) => instant is { } at ? Time(at, InZone(at)) : None;

    /// <summary>Date and time in the zone, to the minute.</summary>
    public IHtmlContent ToTheMinute(DateTimeOffset? instant) => instant is { } at ? Time(at, Minute(at)) : None;

    /// <summary>The time of day in the zone where it is today, else with the date.</summary>
    public IHtmlContent Short(DateTimeOffset at) => Time(at, Local(at).Date == Local(Now).Date ? Clock(at) : $"{DayOf(at)} {Clock(at)}");

    /// <summary>How far off, such as <c>in 3 h</c> or <c>5 min ago</c>.</summary>
    public IHtmlContent Away(DateTimeOffset? instant) => Away(instant, "away");

    /// <summary>When something is to happen; what should have by now is expected any moment.</summary>
    public IHtmlContent Ahead(DateTimeOffset? instant) => instant <= Now ? Time(instant.Value, Language.Of("any moment"), "ahead") : Away(instant, "ahead");

    /// <summary>The life that is left, such as <c>9 d 4 h</c>.</summary>
    public IHtmlContent Left(DateTimeOffset at) => at <= Now ? Away(at) : Time(at, Language.Of(at - Now), "left");

    /// <summary>A day in the zone, such as <c>10 Dec</c>; with the time where it is less than two days away.</summary>
    public string Day(DateTimeOffset at) => (at - Now).Duration() < TimeSpan.FromDays(2) ? $"{DayOf(at)} {Clock(at)}" : DayOf(at);

    /// <summary>The time of day in the zone where it is today, else as <see cref="Day"/>.</summary>
    public string Lately(DateTimeOffset at) => Local(at).Date == Local(Now).Date ? Clock(at) : Day(at);

    /// <summary>A day in the zone, such as <c>10 Dec</c>.</summary>
    public string DayOf(DateTimeOffset at)
    {
        var local = Local(at);
        return preferences.IsJalali && JalaliDate.DayAndMonth(local) is var (day, month)
            ? Language.Digits($"{day} {Language.Of(month)}")
            : Language.Digits($"{local.Day} {Language.Of(local.ToString("MMM", CultureInfo.InvariantCulture))}");
    }

    /// <summary>Date and time in the zone, such as <c>2026-11-30 09:40:00</c>.</summary>
    public string InZone(DateTimeOffset at) => $"{Date(at)} {Language.Digits(Local(at).ToString("HH:mm:ss", CultureInfo.InvariantCulture))}";

    /// <summary>The same to the minute.</summary>
    public string Minute(DateTimeOffset at) => $"{Date(at)} {Clock(at)}";

    /// <summary>The time of day to the minute.</summary>
    public string Clock(DateTimeOffset at) => Language.Digits(Local(at).ToString("HH:mm", CultureInfo.InvariantCulture));

    /// <summary>Words in which instants of UTC stand, as the log keeps them, with those of the zone in their place.</summary>
    public string Words(string kept) => ZonedTime.Words(kept, InZone);

    /// <summary>Date and time as a part of HTML: among words from right to left, set apart, or the letters before it turn the parts of the date around.</summary>
    internal string Encoded(DateTimeOffset at) => PageEncoder.Html.Encode(InZone(at)) is var written && Language.IsRightToLeft ? $"<bdi dir=\"rtl\">{written}</bdi>" : written;

    private static HtmlString None { get; } = new("<span class=\"none\">–</span>");

    private HtmlString Away(DateTimeOffset? instant, string relative)
    {
        if (instant is not { } at)
        {
            return None;
        }

        var off = at - Now;
        return Time(at, off < TimeSpan.Zero ? Language.Of($"{-off} ago") : Language.Of($"in {off}"), relative);
    }

    private string Date(DateTimeOffset at)
    {
        var local = Local(at);
        return Language.Digits(preferences.IsJalali ? JalaliDate.Date(local) : local.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
    }

    private DateTime Local(DateTimeOffset at) => TimeZoneInfo.ConvertTime(at, zone).DateTime;

    private HtmlString Time(DateTimeOffset at, string text, string? relative = null) => new(
        $"<time datetime=\"{at.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}\" title=\"{InZone(at)} {Zone} · {at.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC\"{(relative is null ? "" : $" data-relative=\"{relative}\"")}>{text}</time>");
}
