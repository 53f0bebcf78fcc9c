using System.Globalization;
using System.Text.RegularExpressions;

namespace TokenRefresh.Jobs;

/// <summary>Instants in the configured zone, as pages, verbs and mails show them; which zone that is they say once.</summary>
public static partial class ZonedTime
{
    /// <summary>Date and time in the zone, without its offset.</summary>
    public static string InZone(this DateTimeOffset instant, TimeZoneInfo zone) =>
        TimeZoneInfo.ConvertTime(instant, zone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Words in which instants of UTC stand, as the log keeps them, with those of the zone in their place.</summary>
    public static string Words(string kept, TimeZoneInfo zone) => Words(kept, at => at.InZone(zone));

    /// <summary>The same with instants written otherwise.</summary>
    public static string Words(string kept, Func<DateTimeOffset, string> written) => KeptInstant().Replace(
        kept, match => DateTimeOffset.TryParse(match.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? written(at) : match.Value);

    [GeneratedRegex(@"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")]
    private static partial Regex KeptInstant();
}
