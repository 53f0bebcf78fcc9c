using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>
/// Tells of the one thing that no outbox can hold: that the database is unreachable. Each node that notices sends the mail itself, past the outbox;
/// when the database is back, the outage is written down, and its end is told once, in the same thread.
/// </summary>
public sealed partial class DatabaseOutage(
    IEmailSender emails, NotificationComposer composer, IDbContextFactory<TokenRefreshDbContext> contexts, IOptions<NotificationOptions> options, TimeProvider clock, ILogger<DatabaseOutage> log)
{
    /// <summary>A restart of Postgres is no outage.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>The key of its incidents.</summary>
    internal const string Key = $"silence::{Part}";

    private const string Part = "database";

    private readonly HashSet<string> told = new(StringComparer.Ordinal);
    private Incident? incident;
    private bool isSent;

    /// <summary>The database did not answer just now, or took no write.</summary>
    /// <param name="why">As a phrase, for example <c>the database is read-only</c>.</param>
    public async Task NoteAwayAsync(string why, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        incident ??= Incident.Open(new(IncidentKind.StalledComponent, "", Part, Part, Part, false, 0, why), now);
        if (now - incident.OpenedAt < Patience || !options.Value.Enabled || !options.Value.OnSilence)
        {
            return;
        }

        // Recipients that were not reached are retried at the next evaluation.
        foreach (var mail in composer.Rows(composer.Plain(incident, IncidentEvent.Opened, now), isMailed: true).Where(row => row.Channel == NotificationChannel.Email && !told.Contains(row.Recipient)))
        {
            switch (await emails.SendAsync(mail, cancellationToken))
            {
                case DeliveryOutcome.Accepted:
                    told.Add(mail.Recipient);
                    isSent = true;
                    LogTold(incident.Detail);
                    break;
                case DeliveryOutcome.Written written:
                    // One file is enough.
                    told.Add(mail.Recipient);
                    LogWritten(incident.Detail, written.Words);
                    break;
                case DeliveryOutcome.Refused { Reason: var reason }:
                    LogNotTold(incident.Detail, reason);
                    break;
                case DeliveryOutcome.Failed { Reason: var reason }:
                    LogNotTold(incident.Detail, reason);
                    break;
            }
        }
    }

    /// <summary>The database has taken a write.</summary>
    public async Task NoteBackAsync(CancellationToken cancellationToken)
    {
        if (incident is not { } over)
        {
            return;
        }

        if (told.Count > 0)
        {
            await WriteDownAsync(over, cancellationToken);
        }

        (incident, isSent) = (null, false);
        told.Clear();
    }

    // Of several nodes that reported the same outage, the first records its end.
    private async Task WriteDownAsync(Incident over, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"LOCK TABLE incidents IN SHARE ROW EXCLUSIVE MODE", cancellationToken);
        if (await db.Incidents.AnyAsync(each => each.Key == over.Key && each.ResolvedAt >= over.OpenedAt, cancellationToken))
        {
            return;
        }

        over.Told(IncidentEvent.Opened, 0, wasMailed: isSent, now);
        over.Resolve(now);
        db.Incidents.Add(over);
        await db.SaveChangesAsync(cancellationToken);
        db.Notifications.AddRange(composer.Rows(composer.Plain(over, IncidentEvent.Recovered, now), options.Value.OnRecovery));
        over.Told(IncidentEvent.Recovered, 0, wasMailed: isSent, now);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(1221, LogLevel.Warning, "Notified by mail, without the outbox: {Why}")]
    private partial void LogTold(string why);

    [LoggerMessage(1222, LogLevel.Warning, "No one was notified of: {Why}: {Words}")]
    private partial void LogWritten(string why, string words);

    [LoggerMessage(1223, LogLevel.Warning, "The mail about '{Why}' was not delivered: {Reason}")]
    private partial void LogNotTold(string why, string reason);
}
