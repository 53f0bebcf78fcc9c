using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts.Mails;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>The mail that <c>notify test</c> sends.</summary>
public sealed class TestMail(IncidentLinks links, IOptions<ScheduleOptions> schedule, NodeName node, TimeProvider clock)
{
    /// <summary>One for each recipient, ready for the outbox.</summary>
    public IEnumerable<Notification> For(IEnumerable<string> recipients)
    {
        var now = clock.GetUtcNow();
        var mail = new MailBody()
            .Say("Email delivery works. This is a test message.")
            .Facts(("Sent", MailTimeFormat.At(now, schedule.Value.Zone)), ("From", node.Value))
            .Links(("Open the panel", links.To(links.Pages.Tokens)))
            .Write("TEST: email delivery works", schedule.Value.Zone);
        return recipients.Select(recipient => Notification.Mail("test", recipient, mail, now));
    }
}
