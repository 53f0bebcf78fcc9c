using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>What one pass over the outbox did.</summary>
/// <param name="Written">Messages that are files now, because no mail server is configured.</param>
public sealed record DeliveryPass(int Sent, int Refused, int Failed, int Written = 0)
{
    internal DeliveryPass And(DeliveryPass other) => new(Sent + other.Sent, Refused + other.Refused, Failed + other.Failed, Written + other.Written);
}

/// <summary>
/// Delivers what was written down, each message to its one recipient: by mail, and to each webhook, side by side, so that one that hangs delays no
/// other, and each of these oldest first. A message is claimed before it is sent and marked only
/// after the other side has accepted it: after a crash in between the next worker sends it again with the same Message-ID.
/// </summary>
public sealed partial class Outbox(
    IDbContextFactory<TokenRefreshDbContext> contexts, IEmailSender emails, WebhookSender webhooks, NodeName node, TimeProvider clock, ILogger<Outbox> log)
{
    /// <summary>Longer than the longest delivery.</summary>
    private static readonly TimeSpan ClaimFor = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan[] Pauses =
        [TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10)];

    /// <summary>A notification that could not be delivered for this long is given up.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromDays(7);

    private static readonly TimeSpan SaveAgainAfter = TimeSpan.FromSeconds(1);

    /// <summary>Delivers everything whose time has come.</summary>
    public async Task<DeliveryPass> DeliverAsync(CancellationToken cancellationToken) =>
        (await Task.WhenAll((await LanesAsync(cancellationToken)).Select(lane => DeliverAsync(lane, cancellationToken)))).Aggregate(new DeliveryPass(0, 0, 0), (all, one) => all.And(one));

    /// <summary>Stores a message and delivers it at once; if that fails, it is tried again like any other. The caller reports the result.</summary>
    public async Task<DeliveryOutcome> SendNowAsync(Notification row, CancellationToken cancellationToken)
    {
        // Claimed from the start, so that no other node delivers it first.
        row.Claim(clock.GetUtcNow() + ClaimFor);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        db.Notifications.Add(row);
        await db.SaveChangesAsync(cancellationToken);
        return await DeliverAsync(row, cancellationToken);
    }

    /// <summary>True when something should have been delivered for a while and was not.</summary>
    public async Task<bool> IsLateAsync(TimeSpan by, CancellationToken cancellationToken)
    {
        var before = clock.GetUtcNow() - by;
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Notifications.AnyAsync(row => row.Status == NotificationStatus.Pending && row.NextAttemptAt < before, cancellationToken);
    }

    private async Task<DeliveryPass> DeliverAsync(Lane lane, CancellationToken cancellationToken)
    {
        var pass = new DeliveryPass(0, 0, 0);
        while (await ClaimAsync(lane, cancellationToken) is { } row)
        {
            var outcome = await DeliverAsync(row, cancellationToken);
            Log(row, outcome);
            pass = pass.And(outcome switch
            {
                DeliveryOutcome.Accepted => new(1, 0, 0),
                DeliveryOutcome.Refused => new(0, 1, 0),
                DeliveryOutcome.Failed => new(0, 0, 1),
                DeliveryOutcome.Written => new(0, 0, 0, 1),
                _ => throw new System.Diagnostics.UnreachableException(),
            });
            if (outcome is DeliveryOutcome.Failed { IsAway: true })
            {
                break;
            }
        }

        return pass;
    }

    private async Task<DeliveryOutcome> DeliverAsync(Notification row, CancellationToken cancellationToken)
    {
        var outcome = row.Channel == NotificationChannel.Email ? await emails.SendAsync(row, cancellationToken) : await webhooks.SendAsync(row, cancellationToken);
        await MarkAsync(row, outcome, cancellationToken);
        return outcome;
    }

    private void Log(Notification row, DeliveryOutcome outcome)
    {
        switch (outcome)
        {
            case DeliveryOutcome.Accepted:
                LogSent(row.Kind, row.Id, row.Attempts);
                break;
            case DeliveryOutcome.Written written:
                LogWritten(row.Kind, row.Id, written.Words);
                break;
            case DeliveryOutcome.Refused refused:
                LogRefused(row.Kind, row.Id, refused.Reason);
                break;
            case DeliveryOutcome.Failed failed:
                LogFailed(row.Kind, row.Id, failed.Reason, row.Attempts);
                break;
        }
    }

    // All mails go to one server, each webhook to its own.
    private async Task<IReadOnlyList<Lane>> LanesAsync(CancellationToken cancellationToken)
    {
        var (now, absurd) = Times();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<Lane>(
            $"""
             SELECT DISTINCT channel, CASE channel WHEN 'webhook' THEN recipient END AS recipient FROM notifications
             WHERE status = 'pending' AND (next_attempt_at <= {now} OR next_attempt_at > {absurd})
             """).ToListAsync(cancellationToken);
    }

    // A time that lies too far ahead is a clock's that was put back.
    private (DateTimeOffset Now, DateTimeOffset Absurd) Times() => (clock.GetUtcNow(), clock.GetUtcNow() + Pauses[^1] + Pauses[^1]);

    // The messages of one incident to one recipient go out in their order.
    private async Task<Notification?> ClaimAsync(Lane lane, CancellationToken cancellationToken)
    {
        var (now, absurd) = Times();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await db.Notifications.FromSql(
            $"""
             UPDATE notifications SET claimed_until = clock_timestamp() + {ClaimFor}, attempts = attempts + 1
             WHERE id = (
                 SELECT id FROM notifications AS next
                 WHERE status = 'pending' AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
                   AND (next_attempt_at <= {now} OR next_attempt_at > {absurd})
                   AND channel = {lane.Channel} AND recipient = coalesce({lane.Recipient}, recipient)
                   AND (incident_id IS NULL OR NOT EXISTS (
                       SELECT 1 FROM notifications AS before
                       WHERE before.status = 'pending' AND before.incident_id = next.incident_id AND before.channel = next.channel
                         AND before.recipient = next.recipient AND before.id < next.id))
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING *
             """).AsNoTracking().ToListAsync(cancellationToken);
        return rows.SingleOrDefault();
    }

    // What the other side has taken must not be sent again because the database is unreachable just now: its word is kept until it is written.
    private async Task MarkAsync(Notification row, DeliveryOutcome outcome, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var (status, words, sentAt, nextAt) = outcome switch
        {
            DeliveryOutcome.Accepted accepted => (NotificationStatus.Sent, accepted.Words, (DateTimeOffset?)now, row.NextAttemptAt),
            DeliveryOutcome.Written written => (NotificationStatus.Written, written.Words, null, row.NextAttemptAt),
            DeliveryOutcome.Refused refused => (NotificationStatus.Refused, refused.Reason, null, row.NextAttemptAt),
            DeliveryOutcome.Failed failed when now - row.CreatedAt > GiveUpAfter => (NotificationStatus.Refused, $"given up after {GiveUpAfter.TotalDays} days: {failed.Reason}", null, row.NextAttemptAt),
            DeliveryOutcome.Failed failed => (NotificationStatus.Pending, failed.Reason, null, now + Pauses[Math.Min(row.Attempts, Pauses.Length) - 1]),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        while (true)
        {
            try
            {
                await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
                await db.Notifications.Where(each => each.Id == row.Id && each.Status == NotificationStatus.Pending).ExecuteUpdateAsync(
                    update => update
                        .SetProperty(each => each.Status, status)
                        .SetProperty(each => each.LastOutcome, words)
                        .SetProperty(each => each.SentAt, sentAt)
                        .SetProperty(each => each.NextAttemptAt, nextAt)
                        .SetProperty(each => each.ClaimedUntil, (DateTimeOffset?)null),
                    CancellationToken.None);
                return;
            }
            catch (Exception error) when (DatabaseFaults.IsAway(error))
            {
                LogNotMarked(row.Id, words, node.Value);
                await Task.Delay(SaveAgainAfter, clock, cancellationToken);
            }
        }
    }

    [LoggerMessage(1201, LogLevel.Information, "Notification {Id} ({Kind}) was delivered at attempt {Attempt}")]
    private partial void LogSent(string kind, long id, int attempt);

    [LoggerMessage(1205, LogLevel.Warning, "Notification {Id} ({Kind}) notified no one: {Words}")]
    private partial void LogWritten(string kind, long id, string words);

    [LoggerMessage(1202, LogLevel.Error, "Notification {Id} ({Kind}) was permanently refused: {Reason}")]
    private partial void LogRefused(string kind, long id, string reason);

    [LoggerMessage(1203, LogLevel.Warning, "Notification {Id} ({Kind}) was not delivered at attempt {Attempt}: {Reason}")]
    private partial void LogFailed(string kind, long id, string reason, int attempt);

    [LoggerMessage(1204, LogLevel.Warning, "The database is unreachable; the result of notification {Id}, '{Words}', is kept in memory on {Node} until it is back")]
    private partial void LogNotMarked(long id, string words, string node);

    /// <summary>What is delivered one after the other.</summary>
    /// <param name="Channel">Its stored name.</param>
    /// <param name="Recipient">The address of a webhook; null for all mails.</param>
    private sealed record Lane(string Channel, string? Recipient);
}
