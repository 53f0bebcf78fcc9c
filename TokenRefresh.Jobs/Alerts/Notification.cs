using TokenRefresh.Jobs.Alerts.Mails;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>How a notification travels.</summary>
public enum NotificationChannel
{
    /// <summary>By SMTP, or into the mail drop.</summary>
    Email,

    /// <summary>As a signed JSON POST.</summary>
    Webhook,
}

/// <summary>How a notification stands.</summary>
public enum NotificationStatus
{
    /// <summary>It is still to be delivered.</summary>
    Pending,

    /// <summary>The other side has accepted it.</summary>
    Sent,

    /// <summary>The other side will not take it, now or later.</summary>
    Refused,

    /// <summary>It is a file on disk, because no mail server is configured; no one was notified.</summary>
    Written,
}

/// <summary>A row of the outbox, and of the log of deliveries: one message to one recipient, written in the transaction that made it necessary.</summary>
public sealed class Notification
{
    private Notification()
    {
    }

    /// <summary>Grows with time.</summary>
    public long Id { get; private set; }

    /// <summary>When it was written.</summary>
    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>What it tells of, for example <c>opened</c>, <c>recovered</c>, <c>summary</c>, <c>test</c>.</summary>
    public string Kind { get; private set; } = "";

    /// <summary>The incident that it tells of; null for none.</summary>
    public long? IncidentId { get; private set; }

    /// <summary>How it travels.</summary>
    public NotificationChannel Channel { get; private set; }

    /// <summary>A mail address or a web address.</summary>
    public string Recipient { get; private set; } = "";

    /// <summary>The mail's subject, or the webhook's event.</summary>
    public string Subject { get; private set; } = "";

    /// <summary>The mail's text, or the webhook's JSON.</summary>
    public string Text { get; private set; } = "";

    /// <summary>The mail's HTML; empty for a webhook.</summary>
    public string Html { get; private set; } = "";

    /// <summary>Stays the same at every try, so that a recipient can tell a repetition.</summary>
    public string MessageId { get; private set; } = "";

    /// <summary>The Message-ID of the first mail of its thread; null where it is the first.</summary>
    public string? ThreadId { get; private set; }

    /// <summary>How it stands.</summary>
    public NotificationStatus Status { get; private set; }

    /// <summary>How often its delivery was tried.</summary>
    public int Attempts { get; private set; }

    /// <summary>It is not tried before this.</summary>
    public DateTimeOffset NextAttemptAt { get; private set; }

    /// <summary>The node that delivers it holds it until then, by the database's clock.</summary>
    public DateTimeOffset? ClaimedUntil { get; private set; }

    /// <summary>When the other side accepted it.</summary>
    public DateTimeOffset? SentAt { get; private set; }

    /// <summary>What came of the last try, in words.</summary>
    public string? LastOutcome { get; private set; }

    internal static Notification Mail(string kind, string recipient, MailText mail, DateTimeOffset now, Incident? incident = null)
    {
        var unique = $"{Guid.NewGuid():N}@tokenrefresh";
        var thread = incident is null ? null : $"{incident.ThreadId}.{Digest(recipient)}@tokenrefresh";
        var isFirst = incident is { WasMailed: false };
        return new()
        {
            CreatedAt = now,
            NextAttemptAt = now,
            Kind = kind,
            IncidentId = incident?.Id,
            Channel = NotificationChannel.Email,
            Recipient = recipient,
            Subject = mail.Subject,
            Text = mail.Text,
            Html = mail.Html,
            MessageId = isFirst ? thread! : unique,
            ThreadId = isFirst ? null : thread,
        };
    }

    internal static Notification Webhook(string kind, string address, string json, DateTimeOffset now, Incident incident) => new()
    {
        CreatedAt = now,
        NextAttemptAt = now,
        Kind = kind,
        IncidentId = incident.Id,
        Channel = NotificationChannel.Webhook,
        Recipient = address,
        Subject = $"incident.{kind}",
        Text = json,
        MessageId = $"{Guid.NewGuid():N}",
    };

    internal static Notification WebhookTest(string address, string json, DateTimeOffset now) => new()
    {
        CreatedAt = now,
        NextAttemptAt = now,
        Kind = "test",
        Channel = NotificationChannel.Webhook,
        Recipient = address,
        Subject = "test",
        Text = json,
        MessageId = $"{Guid.NewGuid():N}",
    };

    internal void Claim(DateTimeOffset until) => (ClaimedUntil, Attempts) = (until, Attempts + 1);

    // Two recipients of one incident have a thread each, and no Message-ID tells who else got one.
    private static string Digest(string recipient) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(recipient)))[..8];
}
