using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Incidents;

/// <summary>One line of an incident's timeline.</summary>
/// <param name="Kind">As the stylesheet names it.</param>
internal sealed record TimelineEntry(DateTimeOffset At, string Kind, Phrase Words, string? Path = null, string? Text = null);

/// <summary>One episode of a problem: who is hit, what happened when, who was told, what people noted.</summary>
internal sealed class IncidentModel(
    IncidentService incidents, CurrentDiagnosis diagnosis, AttemptLog log, ClientReads reads, TimeProvider clock) : PanelPage
{
    private const int MostAttempts = 200, MostEpisodes = 10;

    /// <summary>The incident.</summary>
    public Incident Incident { get; private set; } = null!;

    /// <summary>Its tokens as they stand now, those that are well again included.</summary>
    public IReadOnlyList<TokenView> Tokens { get; private set; } = [];

    /// <summary>The clients that asked for them since a day before it was found.</summary>
    public IReadOnlyList<Consumer> Clients { get; private set; } = [];

    /// <summary>What happened, newest first.</summary>
    public IReadOnlyList<TimelineEntry> Timeline { get; private set; } = [];

    /// <summary>The messages about it.</summary>
    public IReadOnlyList<Notification> Messages { get; private set; } = [];

    /// <summary>Other episodes of the same problem.</summary>
    public IReadOnlyList<Incident> Episodes { get; private set; } = [];

    /// <summary>The tokens that a retry may help.</summary>
    public IReadOnlyList<string> Retried => [.. Tokens.Where(token => !token.IsWell).Select(token => token.Name)];

    public async Task<IActionResult> OnGetAsync(long id, CancellationToken cancellationToken)
    {
        if (await incidents.FindAsync(id, cancellationToken) is not { } incident)
        {
            return NotFound();
        }

        Incident = incident;
        Tokens = incident.IsOfTokens ? await diagnosis.FindAsync([.. incident.Subjects], cancellationToken) : [];
        Clients = Tokens.Count == 0 ? [] : await reads.ConsumersAsync([.. incident.Subjects], incident.OpenedAt.AddDays(-1), cancellationToken);
        Messages = await incidents.MessagesAsync(id, cancellationToken);
        Episodes = await incidents.EpisodesAsync(incident, MostEpisodes, cancellationToken);
        Timeline = [.. (await EntriesAsync(cancellationToken)).OrderByDescending(entry => entry.At)];
        return Page();
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostNoteAsync(long id, string? text, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Trim().Length > IncidentNote.Longest)
        {
            return Tell(new(false, $"Enter a note of at most {IncidentNote.Longest} characters."), PanelPaths.Incident(id));
        }

        return await incidents.AddNoteAsync(id, text.Trim(), Actor, cancellationToken) ? Tell(new(true, "Note added."), PanelPaths.Incident(id)) : NotFound();
    }

    private async Task<List<TimelineEntry>> EntriesAsync(CancellationToken cancellationToken)
    {
        var entries = new List<TimelineEntry> { new(Incident.OpenedAt, "ill", "Incident opened") };
        if (Incident.CriticalAt is { } critical)
        {
            entries.Add(new(critical, "ill", "Critical: little lifetime left, or none"));
        }

        if (Incident.JoinedAt > Incident.OpenedAt)
        {
            entries.Add(new(Incident.JoinedAt, "warn", "The last token joined"));
        }

        // The incident itself knows the last answer only, and the audit does not keep them for ever.
        var answers = await incidents.AnswersAsync(Incident, cancellationToken);
        entries.AddRange(answers.Select(answer => new TimelineEntry(answer.At, "aside", answer.Action == IncidentService.Snoozed ? (Phrase)$"Snoozed by {answer.Actor}" : (Phrase)$"Acknowledged by {answer.Actor}")));
        if (Incident.AcknowledgedAt is { } acknowledged && answers.All(answer => answer.Action != IncidentService.Acknowledged))
        {
            entries.Add(new(acknowledged, "aside", $"Acknowledged by {Incident.AcknowledgedBy}"));
        }

        if (Incident.ResolvedAt is { } resolved)
        {
            entries.Add(Incident.EndedByRemoval ? new(resolved, "aside", "Ended: what it was about was removed") : new(resolved, "well", $"Resolved after {IncidentWords.Lasted(Incident, clock.GetUtcNow())}"));
        }

        entries.AddRange((await incidents.NotesAsync(Incident.Id, cancellationToken)).Select(note => new TimelineEntry(note.At, "aside", $"Note by {note.Actor}", Text: note.Text)));
        entries.AddRange(Messages.Select(message => new TimelineEntry(
            message.SentAt ?? message.CreatedAt, message.Status == NotificationStatus.Refused ? "ill" : "aside",
            message.SentAt is not null ? $"{IncidentWords.Event(message.Kind)}: notified {message.Recipient}" : (Phrase)$"{IncidentWords.Event(message.Kind)}: message to {message.Recipient}, {IncidentWords.Standing(message.Status)}")));
        if (Incident.IsOfTokens)
        {
            var attempts = await incidents.AttemptsAsync(Incident, MostAttempts, cancellationToken);
            entries.AddRange((await AttemptGroup.FoldAsync(log, attempts, cancellationToken)).Select(group => new TimelineEntry(
                group.Since, group.Newest.Status switch { AttemptStatus.Failed => "ill", AttemptStatus.Success => "well", _ => "warn" }, Words(group), PanelPaths.Attempt(group.Newest.Id))));

            // What came of it is among the attempts; who wanted it is not.
            entries.AddRange(attempts.Where(row => row.TriggerType is RefreshTrigger.Manual or RefreshTrigger.Forced).Select(row => new TimelineEntry(
                row.StartedAt, "aside", $"{row.TokenName}: refresh asked for by {row.TriggeredBy}", PanelPaths.Attempt(row.Id))));
        }

        return entries;
    }

    private static Phrase Words(AttemptGroup group) => (group.Newest.Status, group.Count) switch
    {
        (AttemptStatus.Failed, 1) => (Phrase)$"{group.Newest.TokenName}: attempt failed, {(Phrase)FailureWords.InWords(group.Newest.ErrorCode ?? "")}",
        (AttemptStatus.Failed, _) => (Phrase)$"{group.Newest.TokenName}: {group.Count} attempts failed until {group.Newest.StartedAt}, {(Phrase)FailureWords.InWords(group.Newest.ErrorCode ?? "")}",
        (AttemptStatus.Success, _) => (Phrase)$"{group.Newest.TokenName}: refreshed",
        _ => (Phrase)$"{group.Newest.TokenName}: attempt running",
    };
}
