using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The database's notifications as the nodes hear them: late by a moment, lost while a node is cut off, and then made up for by reading everything.</summary>
internal sealed class Feed(SimWorld world)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Tells every node that listens of a token that has changed.</summary>
    public void Tell(string name)
    {
        foreach (var node in world.Nodes.Where(node => node is { IsHearing: true, IsDead: false }))
        {
            node.Untold.Add(name);
            if (node.Untold.Count == 1)
            {
                world.Agenda.In(TimeSpan.FromMilliseconds(world.Chance.Between(1, 50)), () => node.WhenAwake(() => world.Start(node, "hear", () => HearAsync(node, node.TakeUntold()))));
            }
        }
    }

    /// <summary>The node's connection for notifications is cut; once the database is in reach it listens again.</summary>
    public void Cut(SimNode node)
    {
        node.NoteCut();
        if (node.IsHearing)
        {
            (node.IsHearing, node.HasGap) = (false, true);
            node.Untold.Clear();
            world.Agenda.In(Pause, Listen);
        }

        void Listen() => node.WhenAwake(() =>
        {
            node.NoteCut();
            world.Start(node, "listen", () => ListenAsync(node, wasCut: true), error =>
            {
                if (error is not null)
                {
                    world.Agenda.In(Pause, Listen);
                }
            });
        });
    }

    /// <summary>Listens, and reads everything that was missed.</summary>
    public async Task ListenAsync(SimNode node, bool wasCut)
    {
        (node.IsHearing, node.HasGap) = (true, true);
        var rows = world.Tokens.Rows.ToList();
        node.Hearings++;
        try
        {
            await node.Get<DatabaseReturn>().RunAsync(wasCut, CancellationToken.None);
            await (world.Laws.IsDeaf ? Task.CompletedTask : node.Get<TokenCache>().ReloadAsync(CancellationToken.None));
            node.HasGap = false;
            node.Told(rows);
        }
        catch (Exception)
        {
            node.IsHearing = false;
            throw;
        }
        finally
        {
            node.Hearings--;
        }
    }

    private async Task HearAsync(SimNode node, IReadOnlyList<string> names)
    {
        var rows = world.Tokens.Rows.Where(row => names.Contains(row.Name)).ToList();
        node.Hearings++;
        try
        {
            await (world.Laws.IsDeaf ? Task.CompletedTask : node.Get<TokenCache>().ReloadAsync([.. names], CancellationToken.None));
            node.Told(rows);
        }
        catch (Exception)
        {
            Cut(node);
            throw;
        }
        finally
        {
            node.Hearings--;
        }
    }
}
