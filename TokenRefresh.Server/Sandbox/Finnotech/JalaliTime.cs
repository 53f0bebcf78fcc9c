using System.Globalization;

namespace TokenRefresh.Server.Sandbox.Finnotech;

/// <summary>Writes an instant as Finnotech does: 14 digits, Jalali, by the clock on the wall in Tehran.</summary>
internal static class JalaliTime
{
    private static readonly PersianCalendar Calendar = new();
    private static readonly TimeZoneInfo Tehran = TimeZoneInfo.FindSystemTimeZoneById("Asia/Tehran");

    public static string Write(DateTimeOffset instant)
    {
        var local = TimeZoneInfo.ConvertTime(instant, Tehran).DateTime;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Calendar.GetYear(local):0000}{Calendar.GetMonth(local):00}{Calendar.GetDayOfMonth(local):00}{local:HHmmss}");
    }
}
