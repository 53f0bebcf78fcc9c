using System.Globalization;

namespace TokenRefresh.Jobs;

/// <summary>Dates of the calendar of Iran.</summary>
public static class JalaliDate
{
    private static readonly PersianCalendar Calendar = new();

    private static readonly string[] Months = ["Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar", "Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"];

    /// <summary>For example <c>1405-09-09</c>.</summary>
    public static string Date(DateTime local) => string.Create(CultureInfo.InvariantCulture, $"{Calendar.GetYear(local)}-{Calendar.GetMonth(local):00}-{Calendar.GetDayOfMonth(local):00}");

    /// <summary>For example 9 and <c>Azar</c>.</summary>
    public static (int Day, string Month) DayAndMonth(DateTime local) => (Calendar.GetDayOfMonth(local), Months[Calendar.GetMonth(local) - 1]);
}
