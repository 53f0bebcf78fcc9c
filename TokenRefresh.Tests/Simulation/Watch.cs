using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The nodes' watch over a database that takes no writes: each looks twice a minute, and tells people past the outbox.</summary>
internal sealed class Watch(SimWorld world)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    /// <summary>After this long every node that looks has told.</summary>
    private static readonly TimeSpan Told = TimeSpan.FromSeconds(90) + (2 * Period);

    private readonly HashSet<SimNode> looking = [];
    private readonly DateTimeOffset since = world.Agenda.Now;

    public void Begin()
    {
        looking.UnionWith(world.Nodes.Where(node => node is { IsUp: true, IsHampered: false } || (node is { IsUp: true, IsAwake: true, IsCutOff: false })));
        Look();
    }

    private void Look()
    {
        looking.RemoveWhere(node => !node.IsAwake || node.IsCutOff || world.Mail.IsAway);
        if (!world.IsReadOnly)
        {
            Check();
        }

        foreach (var node in looking)
        {
            world.Start(node, "watch", () => LookAsync(node));
        }

        if (world.IsReadOnly)
        {
            world.Agenda.In(Period, Look);
        }
    }

    // As the host's watch does.
    private static async Task LookAsync(SimNode node)
    {
        try
        {
            await node.Get<DatabaseProbe>().WriteAsync(CancellationToken.None);
            await node.Get<DatabaseOutage>().NoteBackAsync(CancellationToken.None);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            await node.Get<DatabaseOutage>().NoteAwayAsync("the database is read-only", CancellationToken.None);
        }
    }

    private void Check()
    {
        if (world.DatabaseBackAt - since > Told && looking.FirstOrDefault(node => !world.Mail.Outages.Any(mail => mail.Node == node && mail.At >= since)) is { } silent)
        {
            world.Broken($"I13: {silent.Name} told nobody that the database took no writes since {since:HH:mm:ss}");
        }
    }
}
