using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The one mail server: it remembers what it took, and from whom.</summary>
internal sealed class MailModel(SimWorld world)
{
    private readonly Dictionary<string, (SimNode Node, DateTimeOffset At, bool WasLost)> accepted = [];
    private readonly HashSet<string> lost = [];

    public bool IsAway { get; set; }

    public IEnumerable<string> Accepted => accepted.Keys;

    /// <summary>Who told, past the outbox, that the database takes no writes.</summary>
    public List<(SimNode Node, DateTimeOffset At)> Outages { get; } = [];

    /// <summary>Mails that were written down, and are not any more because the database went back in time; one of them may be on its way.</summary>
    public void NoteLost(IEnumerable<string> messageIds) => lost.UnionWith(messageIds);

    /// <summary>Takes a mail, and checks that it may be sent: it is written down, and nobody has sent it before without trouble.</summary>
    public void Accept(string messageId, string text, SimNode from)
    {
        var isLost = world.Scalar<string?>("SELECT status FROM notifications WHERE message_id = $1", messageId) is null;
        if (isLost && !lost.Contains(messageId))
        {
            world.Broken("I7: a mail was sent before it was written down");
        }

        if (accepted.TryGetValue(messageId, out var first) && !first.Node.IsDead && !first.Node.MayRepeat && !first.WasLost && !(world.WentBackAt >= first.At))
        {
            world.Broken($"I7: {from.Name} sends a mail again that {first.Node.Name} had sent and could have marked");
        }

        if (text.Contains(SimWorld.Secret, StringComparison.Ordinal))
        {
            world.Broken("I8: a secret in a mail");
        }

        // One that was on its way while the database lost its row can be marked by nobody.
        accepted[messageId] = (from, world.Agenda.Now, isLost);
    }
}

/// <summary>The mail server as one node reaches it.</summary>
internal sealed class NodeMail(SimWorld world, SimNode node) : IEmailSender
{
    public async Task<DeliveryOutcome> SendAsync(Notification mail, CancellationToken cancellationToken)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(world.Chance.Between(20, 3000)), node.Clock, cancellationToken);
        if (world.Mail.IsAway)
        {
            return new DeliveryOutcome.Failed("no connection to the server", IsAway: true);
        }

        world.Trace($"{node.Name} mails {mail.Kind} #{mail.Id}");
        if (mail.Id == 0)
        {
            world.Mail.Outages.Add((node, world.Agenda.Now));
            return new DeliveryOutcome.Accepted("250 ok");
        }

        world.Mail.Accept(mail.MessageId, mail.Subject + mail.Text + mail.Html, node);
        return new DeliveryOutcome.Accepted("250 ok");
    }
}
