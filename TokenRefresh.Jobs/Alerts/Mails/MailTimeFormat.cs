using System.Globalization;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>Instants and spans as mails tell them.</summary>
internal static class MailTimeFormat
{
    /// <summary>In the configured zone, and in UTC.</summary>
    public static string At(DateTimeOffset instant, TimeZoneInfo zone) => string.Create(
        CultureInfo.InvariantCulture, $"{TimeZoneInfo.ConvertTime(instant, zone):yyyy-MM-dd HH:mm} {zone.Id} ({instant.UtcDateTime:HH:mm} UTC)");

    /// <summary>To the minute, from a minute on; a clock that was put back makes no negative spans.</summary>
    public static string Span(TimeSpan span) => DurationFormat.InWords(
        span < TimeSpan.Zero ? TimeSpan.Zero : span < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(Math.Round(span.TotalSeconds)) : TimeSpan.FromMinutes(Math.Round(span.TotalMinutes)));
}
