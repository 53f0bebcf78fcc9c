using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts.Mails;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>A mail that only shows that mails arrive.</summary>
public sealed class TestMail(IncidentLinks links, IOptions<ScheduleOptions> schedule, NodeName node, TimeProvider clock)
{
    /// <summary>One for each recipient, ready for the outbox.</summary>
    public IEnumerable<Notification> For(IEnumerable<string> recipients)
    {
        var now = clock.GetUtcNow();
        var mail = new MailBody()
            .Say("This is a test. It came by the way that mails about your tokens will come by.")
            .Facts(("Sent", MailTimeFormat.At(now, schedule.Value.Zone)), ("From", node.Value))
            .Links(("Open the panel", links.To("/access/tokens")))
            .Write("TEST: mails from TokenRefresh arrive");
        return recipients.Select(recipient => Notification.Mail("test", recipient, mail, now));
    }
}
