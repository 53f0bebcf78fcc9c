using System.Globalization;

namespace TokenRefresh.Jobs;

/// <summary>Durations in the words that people read on pages, in verbs and in mails; the only place that writes them.</summary>
public static class DurationFormat
{
    /// <summary>The two largest units, for example <c>9 d 4 h</c>, <c>16 h</c>, <c>4 min 10 s</c>, <c>35 s</c>.</summary>
    public static string InWords(TimeSpan span)
    {
        if (span < TimeSpan.Zero)
        {
            return "-" + InWords(-span);
        }

        (long Count, string Unit)[] parts = [(span.Days, "d"), (span.Hours, "h"), (span.Minutes, "min"), (span.Seconds, "s")];
        var first = Array.FindIndex(parts, part => part.Count > 0);
        return first < 0
            ? "0 s"
            : string.Join(' ', parts.Skip(first).Take(2).Where(part => part.Count > 0)
                .Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Count} {part.Unit}")));
    }

    /// <summary>To the minute, from a minute on; a clock that was put back makes no negative spans.</summary>
    public static string ToTheMinute(TimeSpan span) => InWords(
        span < TimeSpan.Zero ? TimeSpan.Zero : span < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(Math.Round(span.TotalSeconds)) : TimeSpan.FromMinutes(Math.Round(span.TotalMinutes)));

    /// <summary>How long a call took, for example <c>320 ms</c>, <c>1.4 s</c>; a dash where that is not known.</summary>
    public static string Measured(double? milliseconds) => milliseconds switch
    {
        null => "–",
        < 1000 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:0.0} s"),
    };
}
