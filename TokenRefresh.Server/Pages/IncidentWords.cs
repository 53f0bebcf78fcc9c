using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>How incidents read on pages.</summary>
internal static class IncidentWords
{
    private const int MostNames = 3;

    /// <summary>What it is about, in a line.</summary>
    public static Phrase Title(Incident incident) => Title(incident, incident.Subjects);

    /// <summary>The same where only some of its tokens are still meant.</summary>
    public static Phrase Title(Incident incident, IReadOnlyList<string> affected)
    {
        Phrase names = affected.Count <= MostNames ? (Phrase)$"{string.Join(", ", affected)}" : (Phrase)$"{affected.Count} tokens of {incident.Scope}";
        return incident.Kind switch
        {
            IncidentKind.Failed or IncidentKind.NeedsPerson when incident.EndedByRemoval => (Phrase)$"{names}: removed",
            IncidentKind.Failed => (Phrase)$"{names}: refresh failing, {(Phrase)FailureWords.InWords(incident.Cause)}",
            IncidentKind.NeedsPerson => (Phrase)$"{names}: action required, {(Phrase)FailureWords.InWords(incident.Cause)}",
            IncidentKind.SuccessRate => (Phrase)$"{incident.Scope}: low success rate, {Phrase.Kept(incident.Detail)}",
            IncidentKind.Objective => (Phrase)$"{names}: freshness budget, {Phrase.Kept(incident.Detail)}",
            _ => Phrase.Kept(incident.Detail),
        };
    }

    /// <summary>How it stands.</summary>
    public static Phrase Standing(Incident incident, DateTimeOffset now) => incident switch
    {
        { EndedByRemoval: true } => "Ended: removed",
        { IsOpen: false } => "Resolved",
        _ when incident.SnoozedUntil > now => "Snoozed",
        { AcknowledgedAt: not null } => "Acknowledged",
        { CriticalAt: not null } => "Critical",
        _ => "Open",
    };

    /// <summary>As the stylesheet names it.</summary>
    public static string Kind(Incident incident) => !incident.IsOpen ? "is-aside" : incident.CriticalAt is null ? "is-warning" : "is-ill";

    /// <summary>How long it lasted, or lasts.</summary>
    public static TimeSpan Lasted(Incident incident, DateTimeOffset now) =>
        TimeSpan.FromSeconds(Math.Max(0, Math.Round(((incident.ResolvedAt ?? now) - incident.OpenedAt).TotalSeconds)));

    /// <summary>What a message tells of.</summary>
    public static Phrase Event(string kind) => kind switch
    {
        "opened" => "Opened",
        "critical" => "Critical",
        "expired" => "Expired",
        "joined" => "Spread",
        "reminder" => "Reminder",
        "recovered" => "Resolved",
        _ => kind,
    };

    /// <summary>How a delivery stands.</summary>
    public static Phrase Standing(NotificationStatus status) => status switch
    {
        NotificationStatus.Written => "written to disk",
        _ => status.ToString().ToLowerInvariant(),
    };
}
