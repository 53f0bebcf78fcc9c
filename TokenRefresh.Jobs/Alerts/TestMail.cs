using System.Text.Json;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts.Mails;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>What <c>notify test</c> and the panel send to try a channel.</summary>
public sealed class TestMail(IncidentLinks links, IOptions<ScheduleOptions> schedule, IOptions<NotificationOptions> options, NodeName node, TimeProvider clock)
{
    /// <summary>One for each recipient, ready for the outbox.</summary>
    public IEnumerable<Notification> For(IEnumerable<string> recipients)
    {
        var now = clock.GetUtcNow();
        var mail = new MailBody()
            .Say("Email delivery works. This is a test message.")
            .Facts(("Sent", MailTimeFormat.At(now, schedule.Value.Zone)), ("From", node.Value))
            .Links(("Open the panel", links.To(links.Pages.Tokens)))
            .Write("TEST: email delivery works", schedule.Value.Zone, options.Value.Language);
        return recipients.Select(recipient => Notification.Mail("test", recipient, mail, now));
    }

    /// <summary>One for a webhook: <c>{"event":"test", …}</c>, signed as every other.</summary>
    public Notification Webhook(string address) => Notification.WebhookTest(
        address, JsonSerializer.Serialize(new { @event = "test", text = "Webhook delivery works. This is a test message.", node = node.Value, sent_at = clock.GetUtcNow() }), clock.GetUtcNow());
}
