using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>How the diagnosis reads on pages.</summary>
internal static class DiagnosisWords
{
    private const int MostNames = 3;

    /// <summary>How the whole stands, in a sentence.</summary>
    public static string Verdict(SystemDiagnosis seen, TimeFormat times) => (seen.Overall, Problems(seen)) switch
    {
        (OverallStatus.Operational, _) when !seen.Tokens.Any(token => token.TimeLeft > TimeSpan.Zero) =>
            seen.AwaitsFirstTokens ? "No tokens yet: the first refresh has not ended" : "No tokens yet: add credentials",
        (OverallStatus.Operational, _) => "All systems operational",
        (_, [var one]) => $"{one}{Validity(seen, times)}",
        (var status, var several) => $"{status.InWords()}: {several.Count} problems",
    };

    /// <summary>What is wrong, worst first; tokens with the same problem are named together.</summary>
    public static IReadOnlyList<string> Problems(SystemDiagnosis seen) =>
        [.. seen.Wrong.GroupBy(reason => (reason.Level, reason.Part, reason.Words)).Select(alike => InWords([.. alike]))];

    /// <summary>How the whole stands, as the stylesheet names it.</summary>
    public static string Kind(OverallStatus status) => status switch
    {
        OverallStatus.Operational => "is-well",
        OverallStatus.Degraded => "is-warning",
        _ => "is-ill",
    };

    // Of one token that is still served, until when.
    private static string Validity(SystemDiagnosis seen, TimeFormat times) =>
        seen.Wrong.ToList() is [{ Part: DiagnosedPart.Token, Level: < OverallStatus.Outage } one] && seen.Find(one.Subject)?.Stored?.ExpiresAt is { } expires && expires > seen.AsOf
            ? $"; valid until {times.Day(expires)}"
            : "";

    private static string InWords(IReadOnlyList<DiagnosisReason> alike)
    {
        var names = alike.Select(reason => reason.Subject).Where(subject => subject.Length > 0).ToList();
        return names.Count == 0 ? alike[0].Words
            : $"{string.Join(", ", names.Take(MostNames))}{(names.Count > MostNames ? $" and {names.Count - MostNames} more" : "")}: {alike[0].Words}";
    }
}
