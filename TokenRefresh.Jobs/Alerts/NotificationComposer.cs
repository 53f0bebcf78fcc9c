using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts.Mails;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>Writes the notifications of incidents into the outbox: recipients, switches and texts.</summary>
public sealed class NotificationComposer(
    ClientReads reads, IncidentLinks links, ScheduleOutlookReader outlook, IOptions<NotificationOptions> options, IOptions<ScheduleOptions> schedule)
{
    private static readonly TimeSpan ConsumersWithin = TimeSpan.FromDays(1);
    private static readonly TimeSpan SavedWithin = TimeSpan.FromMinutes(1);

    /// <summary>Adds the notifications to the context, which the caller saves; returns how many.</summary>
    internal async Task<int> TellAsync(TokenRefreshDbContext db, IncidentReconciler book, IReadOnlyList<TokenView> tokens, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rows = new List<Notification>();
        var isRunning = !book.Incidents.SelectMany(book.Of).Any(complaint => complaint.Kind == IncidentKind.StalledComponent && complaint.Subject != SystemStatus.Outbox);

        // Without any channel nothing counts as reported: it is reported once a channel is configured.
        foreach (var incident in HasAddressee ? book.Incidents : [])
        {
            var complaints = book.Of(incident);
            if (AlertPolicy.Next(incident, complaints, now) is not { } word)
            {
                continue;
            }

            var news = await GatherAsync(db, incident, complaints, word, tokens, isRunning, now, cancellationToken);
            var isMailed = IsMailed(incident, complaints, word);
            rows.AddRange(Rows(news, isMailed));
            incident.Told(word, complaints.Select(complaint => complaint.Stage).DefaultIfEmpty(0).Max(), isMailed, now);
            incident.ToldOf(complaints);
        }

        rows.AddRange(await SuccessesAsync(db, now, cancellationToken));
        db.Notifications.AddRange(rows);
        return rows.Count;
    }

    /// <summary>Everything that is to be said about an incident, to the recipients of the settings.</summary>
    internal IEnumerable<Notification> Rows(IncidentNews news, bool isMailed)
    {
        if (!options.Value.Enabled)
        {
            yield break;
        }

        if (isMailed)
        {
            var mail = IncidentMails.Write(news, options.Value.Language);
            foreach (var recipient in options.Value.Recipients)
            {
                yield return Notification.Mail(news.IncidentEvent.Code(), recipient, mail, news.Now, news.Incident);
            }
        }

        foreach (var address in options.Value.Webhooks)
        {
            yield return Notification.Webhook(news.IncidentEvent.Code(), address, WebhookBody.Write(news), news.Now, news.Incident);
        }
    }

    /// <summary>News without tokens, consumers and links of its own, for what is no token's.</summary>
    internal IncidentNews Plain(Incident incident, IncidentEvent word, DateTimeOffset now) =>
        new(incident, word, now, incident.Subjects, [], [], word == IncidentEvent.Recovered ? new(0, null, TimeSpan.Zero) : null, schedule.Value.Zone, links, new(now, false, null, null, null));

    private bool HasAddressee => options.Value.Enabled && options.Value.Recipients.Count + options.Value.Webhooks.Count > 0;

    private bool IsMailed(Incident incident, IReadOnlyList<Finding> complaints, IncidentEvent word) => options.Value.Recipients.Count > 0 && (word, incident.Kind) switch
    {
        (IncidentEvent.Recovered, _) => options.Value.OnRecovery && incident.WasMailed,
        (_, IncidentKind.NeedsPerson) => options.Value.OnNeedsPerson,
        (_, IncidentKind.SuccessRate or IncidentKind.Objective) => options.Value.OnLowSuccessRate,

        (_, IncidentKind.Clock) => options.Value.OnSilence,

        // A mail about mail arrives when it is over.
        (_, IncidentKind.StalledComponent) => options.Value.OnSilence && complaints.Any(complaint => complaint.Subject != SystemStatus.Outbox),
        _ when incident.CriticalAt is null => options.Value.OnFailure,
        (IncidentEvent.Critical or IncidentEvent.Expired, _) => options.Value.OnCritical || (options.Value.OnFailure && incident.ToldAt is null),
        _ => options.Value.OnCritical || options.Value.OnFailure,
    };

    private async Task<IncidentNews> GatherAsync(
        TokenRefreshDbContext db, Incident incident, IReadOnlyList<Finding> complaints, IncidentEvent word, IReadOnlyList<TokenView> tokens, bool isRunning, DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        if (!incident.IsOfTokens)
        {
            return Plain(incident, word, now);
        }

        // Who is reminded hears of what is still wrong, not of what has ended meanwhile.
        IReadOnlyList<string> affected = incident.IsOpen ? [.. incident.Subjects.Intersect(complaints.Select(complaint => complaint.Subject))] : incident.Subjects;
        var own = tokens.Where(token => affected.Contains(token.Name)).OrderBy(token => token.Stored?.ExpiresAt ?? DateTimeOffset.MinValue).ThenBy(token => token.Name, StringComparer.Ordinal).ToList();
        var consumers = await reads.ConsumersAsync(affected, now - ConsumersWithin, cancellationToken);
        var recovery = word == IncidentEvent.Recovered ? await RecoveryAsync(db, incident, cancellationToken) : null;
        return new(incident, word, now, affected, own, consumers, recovery, schedule.Value.Zone, links, await outlook.ReadAsync(isRunning, cancellationToken));
    }

    private static async Task<Recovery> RecoveryAsync(TokenRefreshDbContext db, Incident incident, CancellationToken cancellationToken)
    {
        var rows = IncidentAttempts.Of(db, incident).Where(row => row.CompletedAt != null);
        var attempts = await rows.CountAsync(cancellationToken);
        var last = await rows.Where(row => row.Status == AttemptStatus.Success).OrderByDescending(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        var gap = await FreshnessReader.LongestAsync(db, incident.Subjects, incident.OpenedAt, cancellationToken);
        return new(attempts, last is null ? null : $"a refresh ({last.TriggerType.Code().Replace('_', ' ')}, by {last.TriggeredBy})", gap);
    }

    // While success notifications are off there is no cursor, so that switching them on reports future successes, not past ones.
    private async Task<IEnumerable<Notification>> SuccessesAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var mark = await db.SuccessDigestCursors.SingleOrDefaultAsync(cancellationToken);
        if (!options.Value.OnSuccess || !options.Value.Enabled || options.Value.Recipients.Count == 0)
        {
            db.SuccessDigestCursors.RemoveRange(mark is null ? [] : [mark]);
            return [];
        }

        // What ended a moment ago may not have been saved yet.
        var until = now - SavedWithin;
        if (mark is null)
        {
            db.SuccessDigestCursors.Add(new() { Until = until });
            return [];
        }

        var done = await db.Attempts.AsNoTracking()
            .Where(row => row.Status == AttemptStatus.Success && row.CompletedAt > mark.Until && row.CompletedAt <= until)
            .OrderBy(row => row.Id).ToListAsync(cancellationToken);
        mark.Until = until > mark.Until ? until : mark.Until;
        return done.Count == 0 ? [] : options.Value.Recipients.Select(recipient => Notification.Mail("success", recipient, SuccessMail.Write(done, schedule.Value.Zone, links, options.Value.Language), now));
    }
}
