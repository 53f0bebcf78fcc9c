using System.Globalization;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>What people see of incidents and deliveries, and what they do to them.</summary>
public sealed class IncidentService(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>As the audit names what people do to an incident.</summary>
    public const string Acknowledged = "incident.acknowledged", Snoozed = "incident.snoozed";

    /// <summary>The incidents that are open, critical ones first, then the oldest.</summary>
    public async Task<IReadOnlyList<Incident>> OpenAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Incidents.AsNoTracking().Where(incident => incident.ResolvedAt == null).OrderBy(incident => incident.CriticalAt == null).ThenBy(incident => incident.Id).ToListAsync(cancellationToken);
    }

    /// <summary>How many incidents are open.</summary>
    public async Task<int> CountOpenAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Incidents.CountAsync(incident => incident.ResolvedAt == null, cancellationToken);
    }

    /// <summary>The incidents that ended last, newest first.</summary>
    public async Task<IReadOnlyList<Incident>> EndedAsync(int limit, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Incidents.AsNoTracking().Where(incident => incident.ResolvedAt != null).OrderByDescending(incident => incident.ResolvedAt).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The incident of that number, or null.</summary>
    public async Task<Incident?> FindAsync(long id, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Incidents.AsNoTracking().SingleOrDefaultAsync(incident => incident.Id == id, cancellationToken);
    }

    /// <summary>Other episodes of the same problem, newest first.</summary>
    public async Task<IReadOnlyList<Incident>> EpisodesAsync(Incident of, int limit, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Incidents.AsNoTracking().Where(incident => incident.Key == of.Key && incident.Id != of.Id).OrderByDescending(incident => incident.Id).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The messages about an incident, oldest first.</summary>
    public async Task<IReadOnlyList<Notification>> MessagesAsync(long id, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Notifications.AsNoTracking().Where(row => row.IncidentId == id).OrderBy(row => row.Id).ToListAsync(cancellationToken);
    }

    /// <summary>What people wrote down about an incident, oldest first.</summary>
    public async Task<IReadOnlyList<IncidentNote>> NotesAsync(long id, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Set<IncidentNote>().AsNoTracking().Where(note => note.IncidentId == id).OrderBy(note => note.Id).ToListAsync(cancellationToken);
    }

    /// <summary>The last attempts that belong to an incident of tokens, newest first.</summary>
    public async Task<IReadOnlyList<RefreshAttempt>> AttemptsAsync(Incident of, int most, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await IncidentAttempts.Of(db, of).OrderByDescending(row => row.StartedAt).ThenByDescending(row => row.Id).Take(most).ToListAsync(cancellationToken);
    }

    /// <summary>Who acknowledged or snoozed an incident, oldest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> AnswersAsync(Incident of, CancellationToken cancellationToken)
    {
        var subject = of.Id.ToString(CultureInfo.InvariantCulture);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Audit.AsNoTracking().Where(entry => entry.At >= of.OpenedAt && entry.Subject == subject && (entry.Action == Acknowledged || entry.Action == Snoozed))
            .OrderBy(entry => entry.Id).ToListAsync(cancellationToken);
    }

    /// <summary>Writes a note on an incident, open or resolved.</summary>
    /// <param name="text">1 to <see cref="IncidentNote.Longest"/> characters.</param>
    /// <returns>False where there is no such incident.</returns>
    public async Task<bool> AddNoteAsync(long id, string text, string by, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (!await db.Incidents.AnyAsync(incident => incident.Id == id, cancellationToken))
        {
            return false;
        }

        db.Add(new IncidentNote { IncidentId = id, At = clock.GetUtcNow(), Actor = by, Text = text });
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, "incident.noted", $"{id}", new { }));
        await db.SaveChangesAsync(cancellationToken);
        await ChangeFeed.AnnounceAsync(db, ChangeFeed.Incidents, cancellationToken);
        return true;
    }

    /// <summary>What became of the messages about incidents, by number; without an entry where there were none.</summary>
    public async Task<IReadOnlyDictionary<long, IncidentNotice>> NoticesAsync(IReadOnlyCollection<Incident> incidents, CancellationToken cancellationToken)
    {
        long[] ids = [.. incidents.Select(incident => incident.Id)];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await db.Notifications.AsNoTracking().Where(row => row.IncidentId != null && ids.Contains(row.IncidentId.Value))
            .GroupBy(row => row.IncidentId!.Value)
            .Select(rows => new
            {
                Id = rows.Key,
                SentAt = rows.Max(row => row.SentAt),
                Waiting = rows.Count(row => row.Status == NotificationStatus.Pending),
                Written = rows.Count(row => row.Status == NotificationStatus.Written),
                Refused = rows.Count(row => row.Status == NotificationStatus.Refused),
            })
            .ToDictionaryAsync(row => row.Id, row => new IncidentNotice(row.SentAt, row.Waiting > 0, row.Written > 0, row.Refused > 0), cancellationToken);

        // That the database was away is told past the outbox, so its first mail is no row.
        foreach (var outage in incidents.Where(incident => incident is { Key: DatabaseOutage.Key, WasMailed: true }))
        {
            var notice = rows.GetValueOrDefault(outage.Id, IncidentNotice.None);
            rows[outage.Id] = notice with { NotifiedAt = notice.NotifiedAt ?? outage.ToldAt };
        }

        return rows;
    }

    /// <summary>What was to be delivered last, newest first.</summary>
    public async Task<IReadOnlyList<Notification>> DeliveriesAsync(int limit, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Notifications.AsNoTracking().OrderByDescending(row => row.Id).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The last message to each of these addresses that had one.</summary>
    public async Task<IReadOnlyDictionary<string, Notification>> LastToAsync(IReadOnlyCollection<string> addresses, CancellationToken cancellationToken)
    {
        string[] asked = [.. addresses];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var last = await db.Notifications.FromSql($"SELECT DISTINCT ON (recipient) * FROM notifications WHERE recipient = ANY({asked}) ORDER BY recipient, id DESC").AsNoTracking().ToListAsync(cancellationToken);
        return last.ToDictionary(row => row.Recipient, StringComparer.Ordinal);
    }

    /// <summary>Acknowledges it: no reminders, unless it becomes critical or affects more tokens.</summary>
    /// <returns>False where no such incident is open.</returns>
    public Task<bool> AcknowledgeAsync(long id, string by, CancellationToken cancellationToken) =>
        ChangeAsync(id, by, Acknowledged, incident => incident.Acknowledge(by, clock.GetUtcNow()), cancellationToken);

    /// <summary>Snoozes it: no notifications for a while, unless it becomes critical or is resolved.</summary>
    /// <returns>False where no such incident is open.</returns>
    public Task<bool> SnoozeAsync(long id, TimeSpan span, string by, CancellationToken cancellationToken) =>
        ChangeAsync(id, by, Snoozed, incident => incident.Snooze(clock.GetUtcNow() + span), cancellationToken);

    private async Task<bool> ChangeAsync(long id, string by, string action, Action<Incident> change, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.Incidents.SingleOrDefaultAsync(incident => incident.Id == id && incident.ResolvedAt == null, cancellationToken) is not { } incident)
        {
            return false;
        }

        change(incident);
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, action, $"{incident.Id}", new { incident = incident.Key, incident.Subjects }));
        await db.SaveChangesAsync(cancellationToken);
        await ChangeFeed.AnnounceAsync(db, ChangeFeed.Incidents, cancellationToken);
        return true;
    }
}
