using System.Globalization;

namespace TokenRefresh.Jobs;

/// <summary>Durations in the words that people read on pages, in verbs and in mails.</summary>
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
}
