using System.Globalization;
using System.Text.RegularExpressions;

namespace TokenRefresh.Providers;

/// <summary>An instant as it was written.</summary>
/// <param name="At">The instant.</param>
/// <param name="HasOffset">False where it names no offset, so that it was read in an assumed zone.</param>
public readonly record struct StatedInstant(DateTimeOffset At, bool HasOffset);

/// <summary>Reads instants as servers and people write them; what could be two of them, such as 07/01/2027, is none.</summary>
public static partial class StatedTime
{
    /// <summary>The forms that are read, for messages.</summary>
    public const string Forms = "2027-01-31T12:00:00Z, 2027-01-31T15:30:00+03:30, Sun, 31 Jan 2027 12:00:00 GMT, or the seconds or milliseconds since 1970";

    private static readonly DateTimeOffset Latest = new(9999, 12, 31, 0, 0, 0, TimeSpan.Zero);

    private static readonly string[] Internet = ["ddd, d MMM yyyy H:mm:ss 'GMT'", "ddd, d MMM yyyy H:mm:ss 'UTC'", "ddd, d MMM yyyy H:mm:ss zzz", "d MMM yyyy H:mm:ss 'GMT'"];

    /// <summary>A count since 1970, whose size tells the unit: seconds, milliseconds, microseconds or nanoseconds. Null where it is out of every range.</summary>
    public static DateTimeOffset? OfEpoch(double count)
    {
        // The least counts of each unit lie before 2000; what is smaller is a time far ahead in the unit before.
        var seconds = count / Math.Abs(count) switch { >= 9e17 => 1e9, >= 9e14 => 1e6, >= 9e11 => 1e3, _ => 1 };
        return seconds > (DateTimeOffset.MinValue - DateTimeOffset.UnixEpoch).TotalSeconds - 1 && seconds < (Latest - DateTimeOffset.UnixEpoch).TotalSeconds
            ? DateTimeOffset.UnixEpoch.AddTicks(Math.Max((long)Math.Round(seconds * 1000) * TimeSpan.TicksPerMillisecond, DateTimeOffset.MinValue.Ticks - DateTimeOffset.UnixEpoch.Ticks))
            : null;
    }

    /// <summary>A date and time as text, or a count since 1970 as text; null where it is neither.</summary>
    /// <param name="assumed">What a time without an offset means; null for UTC. May throw for an hour that the zone does not have.</param>
    public static StatedInstant? Of(string text, Func<DateTime, DateTimeOffset>? assumed = null)
    {
        text = text.Trim();
        if (Number().IsMatch(text))
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var count) && OfEpoch(count) is { } at ? new(at, true) : null;
        }

        if (DateTimeOffset.TryParseExact(text, Internet, CultureInfo.InvariantCulture, DateTimeStyles.AllowWhiteSpaces | DateTimeStyles.AssumeUniversal, out var internet))
        {
            return new(internet.ToUniversalTime(), true);
        }

        return Iso().Match(text) is { Success: true } iso ? OfParts(iso, assumed ?? (utc => new(utc, TimeSpan.Zero))) : null;
    }

    private static StatedInstant? OfParts(Match iso, Func<DateTime, DateTimeOffset> assumed)
    {
        var (year, month, day, hour, minute) = (Part("year"), Part("month"), Part("day"), Part("hour"), Part("minute"));

        // A leap second is the end of its minute.
        var second = Math.Min(Part("second"), 59);
        if (year < 2 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || Part("second") > 60)
        {
            return null;
        }

        // The calendar's last day means "never", in whatever zone.
        if ((year, month, day) == (9999, 12, 31))
        {
            return new(Latest, true);
        }

        var fraction = iso.Groups["fraction"].Value.PadRight(7, '0')[..7];
        var local = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Unspecified).AddTicks(long.Parse(fraction, NumberStyles.None, CultureInfo.InvariantCulture));
        if (iso.Groups["offset"].Value is not { Length: > 0 } offset)
        {
            return new(assumed(local).ToUniversalTime(), false);
        }

        var (hours, minutes) = (Part("offsethours"), Part("offsetminutes"));
        var span = new TimeSpan(hours, minutes, 0) * (offset[0] == '-' ? -1 : 1);
        return hours > 14 || minutes > 59 || span.Duration() > TimeSpan.FromHours(14) ? null : new(new DateTimeOffset(local, span).ToUniversalTime(), true);

        int Part(string name) => iso.Groups[name] is { Length: > 0 } part ? int.Parse(part.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(@"^[+-]?[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Number();

    [GeneratedRegex(
        @"^(?<year>[0-9]{4})(?<dash>[-/]?)(?<month>[0-9]{2})\k<dash>(?<day>[0-9]{2})([T ](?<hour>[0-9]{2}):?(?<minute>[0-9]{2})(:?(?<second>[0-9]{2})([.,](?<fraction>[0-9]{1,12}))?)?)? ?(?<offset>Z|UTC|GMT|[+-](?<offsethours>[0-9]{2})(:?(?<offsetminutes>[0-9]{2}))?)?$",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Iso();
}
