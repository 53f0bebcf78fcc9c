using System.Globalization;
using System.Text.RegularExpressions;

namespace TokenRefresh.Server.Hosting;

/// <summary>Instants in the configured zone, as pages and verbs show them; which zone that is they say once.</summary>
internal static partial class ZonedTime
{
    /// <summary>Date and time in the zone, without its offset.</summary>
    public static string InZone(this DateTimeOffset instant, TimeZoneInfo zone) =>
        TimeZoneInfo.ConvertTime(instant, zone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Words in which instants of UTC stand, as the log keeps them, with those of the zone in their place.</summary>
    public static string Words(string kept, TimeZoneInfo zone) => KeptInstant().Replace(
        kept, match => DateTimeOffset.TryParse(match.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.InZone(zone) : match.Value);

    [GeneratedRegex(@"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")]
    private static partial Regex KeptInstant();
}
