using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>How the diagnosis reads on pages.</summary>
internal static class DiagnosisWords
{
    private const int MostNames = 3;

    /// <summary>How the whole stands, in a sentence.</summary>
    public static Phrase Heading(SystemDiagnosis seen, TimeFormat times) => (seen.Overall, Problems(seen)) switch
    {
        (OverallStatus.Operational, _) when seen.Counts.Valid == 0 =>
            seen.AwaitsFirstTokens ? "No tokens yet: the first refresh has not ended" : "No tokens yet: add credentials",
        (OverallStatus.Operational, _) => "All systems operational",
        (_, [var one]) => Until(seen) is { } expires ? (Phrase)$"{one}; valid until {times.Day(expires)}" : one,
        (_, var several) => Counted(seen, several.Count),
    };

    /// <summary>What is wrong, worst first; tokens with the same problem are named together.</summary>
    public static IReadOnlyList<Phrase> Problems(SystemDiagnosis seen) =>
        [.. seen.Wrong.GroupBy(reason => (reason.Level, reason.Part, reason.Words)).Select(alike => InWords([.. alike]))];

    /// <summary>How the whole stands, as the stylesheet names it.</summary>
    public static string Kind(OverallStatus status) => status switch
    {
        OverallStatus.Operational => "is-well",
        OverallStatus.Degraded => "is-warning",
        _ => "is-ill",
    };

    // Several problems: how many tokens are hit, the worst first.
    private static Phrase Counted(SystemDiagnosis seen, int problems)
    {
        var all = seen.Counts.Counted;
        var unwell = seen.Counts.Unwell;
        var (down, waiting) = (seen.Counts.Sum(alike => !alike.IsWell && !alike.IsValid), seen.Counts.Sum(alike => alike.State == TokenState.ActionRequired));
        return (down, waiting, unwell) switch
        {
            (1, _, _) => (Phrase)$"1 of {all} tokens is down",
            ( > 0, _, _) => (Phrase)$"{down} of {all} tokens are down",
            (_, 1, _) => (Phrase)$"1 of {all} tokens needs action",
            (_, > 0, _) => (Phrase)$"{waiting} of {all} tokens need action",
            (_, _, > 0) => (Phrase)$"Refresh failing: {unwell} of {all} tokens",
            _ => (Phrase)$"{(Phrase)seen.Overall.InWords()}: {problems} problems",
        };
    }

    // Of one token that is still served, until when.
    private static DateTimeOffset? Until(SystemDiagnosis seen) =>
        seen.Wrong.ToList() is [{ Part: DiagnosedPart.Token, Level: < OverallStatus.Outage } one] && seen.Find(one.Subject)?.Stored?.ExpiresAt is { } expires && expires > seen.AsOf ? expires : null;

    private static Phrase InWords(IReadOnlyList<DiagnosisReason> alike)
    {
        var names = alike.Select(reason => reason.Subject).Where(subject => subject.Length > 0).ToList();
        var words = Phrase.Kept(alike[0].Words);
        return names.Count switch
        {
            0 => words,
            <= MostNames => (Phrase)$"{string.Join(", ", names)}: {words}",
            _ => (Phrase)$"{string.Join(", ", names.Take(MostNames))} and {names.Count - MostNames} more: {words}",
        };
    }
}
