using System.Globalization;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>Times in mails.</summary>
internal static class MailTimeFormat
{
    /// <summary>In the configured zone, which the mail names once, at its end.</summary>
    public static string At(DateTimeOffset instant, TimeZoneInfo zone) => string.Create(CultureInfo.InvariantCulture, $"{TimeZoneInfo.ConvertTime(instant, zone):yyyy-MM-dd HH:mm}");

    /// <summary>The same in the calendar and with the digits of a language.</summary>
    public static string At(DateTimeOffset instant, TimeZoneInfo zone, Language language) => language.Read(At(instant, zone));
}
