using System.Globalization;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>Times and durations in mails.</summary>
internal static class MailTimeFormat
{
    /// <summary>In the configured zone, which the mail names once, at its end.</summary>
    public static string At(DateTimeOffset instant, TimeZoneInfo zone) => string.Create(CultureInfo.InvariantCulture, $"{TimeZoneInfo.ConvertTime(instant, zone):yyyy-MM-dd HH:mm}");

    /// <summary>To the minute, from a minute on; a clock that was put back makes no negative spans.</summary>
    public static string Span(TimeSpan span) => DurationFormat.InWords(
        span < TimeSpan.Zero ? TimeSpan.Zero : span < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(Math.Round(span.TotalSeconds)) : TimeSpan.FromMinutes(Math.Round(span.TotalMinutes)));
}
