using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>Whether anyone can be notified.</summary>
public enum ReadinessState
{
    /// <summary>A channel that leaves this machine is configured, and what it was given has been accepted or is new.</summary>
    Ready,

    /// <summary>Notifications are switched off on purpose. No fault.</summary>
    SwitchedOff,

    /// <summary>Neither a recipient nor a webhook is configured.</summary>
    NoRecipient,

    /// <summary>There are recipients, but no mail server: messages are files on disk.</summary>
    NoMailServer,

    /// <summary>What is configured does not deliver.</summary>
    Failing,
}

/// <summary>Can anyone be notified, and if not, why, and what has to be set? Read by pages, verbs, the start, metrics and the overall status alike.</summary>
/// <param name="State">How it stands.</param>
/// <param name="Words">The same as a sentence.</param>
/// <param name="Remedy">What has to be set or done, as a sentence; empty where nothing has to.</param>
public sealed record NotificationReadiness(ReadinessState State, string Words, string Remedy = "")
{
    /// <summary>True where a message would reach someone.</summary>
    public bool CanNotify => State == ReadinessState.Ready;

    /// <summary>True where deliveries are configured and fail, so that a person has to act.</summary>
    public bool IsFailing => State == ReadinessState.Failing;

    /// <summary>True where people should be told that no one can be notified: not where that was chosen.</summary>
    public bool IsFault => State is not (ReadinessState.Ready or ReadinessState.SwitchedOff);

    /// <summary>The state as programs read it, for example <c>no_recipient</c>.</summary>
    public string Code => State switch
    {
        ReadinessState.Ready => "ready",
        ReadinessState.SwitchedOff => "switched_off",
        ReadinessState.NoRecipient => "no_recipient",
        ReadinessState.NoMailServer => "no_mail_server",
        ReadinessState.Failing => "failing",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Words and remedy in one line.</summary>
    public string Line => $"{Words} {Remedy}".TrimEnd();

    /// <summary>What it adds to the diagnosis: that nothing is configured is a notice; that what is configured does not deliver is a fault.</summary>
    public IReadOnlyList<DiagnosisReason> Reasons => !IsFault ? [] :
        [new(IsFailing ? OverallStatus.ActionRequired : OverallStatus.Operational, DiagnosedPart.Notifications, "", Words.TrimEnd('.'), "notifications cannot be delivered") { Remedy = Remedy }];

    /// <summary>What the settings alone tell.</summary>
    public static NotificationReadiness Of(NotificationOptions options, EmailOptions email)
    {
        var sendsMail = email.Host.Length > 0;
        return (options.Enabled, options.Recipients.Count, options.Webhooks.Count) switch
        {
            (false, _, _) => new(ReadinessState.SwitchedOff, "Notifications are switched off (TokenRefresh__Notifications__Enabled=false)."),
            (_, 0, 0) => new(
                ReadinessState.NoRecipient, "No one can be notified: neither a recipient nor a webhook is configured.",
                $"Set TokenRefresh__Notifications__Email{(sendsMail ? "" : " and Email__Host")}, or TokenRefresh__Notifications__WebhookUrls."),
            (_, _, 0) when !sendsMail => new(ReadinessState.NoMailServer, "No one can be notified: no mail server is configured, so mails are only written to disk.", "Set Email__Host."),
            (_, 0, var webhooks) => new(ReadinessState.Ready, $"By {Count(webhooks, "webhook")}."),
            (_, _, var webhooks) when !sendsMail => new(ReadinessState.Ready, $"By {Count(webhooks, "webhook")}; mails are only written to disk until Email__Host is set."),
            (_, var recipients, 0) => new(ReadinessState.Ready, $"By mail to {Count(recipients, "recipient")}."),
            var (_, recipients, webhooks) => new(ReadinessState.Ready, $"By mail to {Count(recipients, "recipient")} and by {Count(webhooks, "webhook")}."),
        };
    }

    private static string Count(int count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}

/// <summary>Reads whether anyone can be notified: off the settings, and off what became of the last messages.</summary>
public sealed class NotificationReadinessReader : IDiagnosisSource
{
    /// <summary>A message that waits longer cannot be delivered; a restart of a mail server takes less.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>An older refusal says nothing of now: the summary comes daily.</summary>
    private static readonly TimeSpan Recent = TimeSpan.FromDays(2);

    private readonly IDbContextFactory<TokenRefreshDbContext> contexts;
    private readonly NotificationOptions options;
    private readonly EmailOptions email;
    private readonly TokenMetrics metrics;
    private readonly TimeProvider clock;
    private NotificationReadiness latest;

    /// <summary>Offers the gauge, too: what the settings tell, until someone has looked further.</summary>
    public NotificationReadinessReader(
        IDbContextFactory<TokenRefreshDbContext> contexts, IOptions<NotificationOptions> options, IOptions<EmailOptions> email, TokenMetrics metrics, TimeProvider clock)
    {
        (this.contexts, this.options, this.email, this.metrics, this.clock) = (contexts, options.Value, email.Value, metrics, clock);
        latest = Configured;
        metrics.ObserveNotifications(() => (latest.CanNotify, latest.Code));
    }

    /// <summary>What the settings alone tell.</summary>
    public NotificationReadiness Configured => NotificationReadiness.Of(options, email);

    /// <summary>As it was when it was last read, by the diagnosis for example; what the settings tell before that.</summary>
    public NotificationReadiness Latest => latest;

    /// <summary>How it stands now.</summary>
    public async Task<NotificationReadiness> ReadAsync(CancellationToken cancellationToken)
    {
        var configured = Configured;
        return latest = configured.CanNotify ? await FailureAsync(cancellationToken) ?? configured : configured;
    }

    /// <inheritdoc />
    public async Task<IReadOnlyList<DiagnosisReason>> ReasonsAsync(CancellationToken cancellationToken) => (await ReadAsync(cancellationToken)).Reasons;

    /// <inheritdoc />
    public async Task<DateTimeOffset?> OldestUnsentAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var oldest = await db.Notifications.Where(row => row.Status == NotificationStatus.Pending).MinAsync(row => (DateTimeOffset?)row.CreatedAt, cancellationToken);
        metrics.Unsent(oldest);
        return oldest;
    }

    private async Task<NotificationReadiness?> FailureAsync(CancellationToken cancellationToken)
    {
        // Channels that are no longer configured are ignored.
        string[] addresses = [.. email.Host.Length > 0 ? options.Recipients : [], .. options.Webhooks];
        var now = clock.GetUtcNow();
        var (late, recent) = (now - Patience, now - Recent);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var waiting = db.Notifications.AsNoTracking().Where(row => row.Status == NotificationStatus.Pending && row.CreatedAt < late && addresses.Contains(row.Recipient));
        if (await waiting.OrderBy(row => row.CreatedAt).FirstOrDefaultAsync(cancellationToken) is { } oldest)
        {
            var count = await waiting.CountAsync(cancellationToken);
            return new(
                ReadinessState.Failing,
                string.Create(CultureInfo.InvariantCulture, $"Notifications cannot be delivered: {count} {(count == 1 ? "is" : "are")} waiting, the oldest for {DurationFormat.InWords(TimeSpan.FromMinutes(Math.Floor((now - oldest.CreatedAt).TotalMinutes)))} ({oldest.LastOutcome ?? "no worker has tried it yet"})."),
                Remedy(oldest.Channel));
        }

        var last = await db.Notifications.FromSql(
            $"""
             SELECT DISTINCT ON (channel, recipient) * FROM notifications
             WHERE created_at >= {recent} AND status <> 'pending' AND recipient = ANY({addresses})
             ORDER BY channel, recipient, id DESC
             """).AsNoTracking().ToListAsync(cancellationToken);
        return last.Find(row => row.Status == NotificationStatus.Refused) is not { } refused ? null : new(
            ReadinessState.Failing, $"Notifications to {Addressee(refused)} are refused: {refused.LastOutcome}.", Remedy(refused.Channel));
    }

    // The path of a webhook's address is often its secret.
    private static string Addressee(Notification row) =>
        row.Channel == NotificationChannel.Webhook && Uri.TryCreate(row.Recipient, UriKind.Absolute, out var address) ? $"the webhook at {address.Host}" : row.Recipient;

    private static string Remedy(NotificationChannel channel) => channel switch
    {
        NotificationChannel.Email => "Check TokenRefresh__Notifications__Email and Email__Host, then send a test: notify test.",
        NotificationChannel.Webhook => "Check TokenRefresh__Notifications__WebhookUrls.",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
