using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Tests.Simulation;

/// <summary>What programs were served under which version: none names two tokens, and a dead one that was reported is replaced.</summary>
internal sealed class ServedVersions(SimWorld world)
{
    /// <summary>For a report to have its effect: the pause after an outage, a call and its save, and the pause after two replacements.</summary>
    private static readonly TimeSpan Effect = TimeSpan.FromSeconds(90);

    private readonly Dictionary<(string Token, long Version), List<(SimNode Node, int Number)>> served = [];

    /// <summary>Notes what a program was served. What nobody alive knows of is truly lost with the database, and its version may come again.</summary>
    public void Note(SimNode node, string token, CachedToken entry)
    {
        if (entry.Identity.EndsWith("-unsaved", StringComparison.Ordinal))
        {
            return;
        }

        var number = TokenRows.NumberOf(entry.AccessToken!);
        if (!served.TryGetValue((token, entry.Version), out var all))
        {
            served[(token, entry.Version)] = all = [];
        }

        foreach (var (other, another) in all.Where(each => each.Number != number && each.Node is { IsDead: false, IsHampered: false, IsHearing: true } && !node.IsHampered))
        {
            world.Broken($"I11: version {entry.Version} of {token} is token {number} at {node.Name} and was token {another} at {other.Name}");
        }

        if (!all.Contains((node, number)))
        {
            all.Add((node, number));
        }
    }

    /// <summary>A program has reported what it was served; some time later that is not served any more, unless the provider was asked in vain.</summary>
    public void Reported(SimNode node, string token, CachedToken entry)
    {
        var at = world.Agenda.Now;
        world.Agenda.In(Effect, () =>
        {
            var isQuiet = node is { IsAwake: true, IsHampered: false, IsHearing: true } && world.DatabaseBackAt < at && node.LastHampered < at
                && world.ProviderOf(token).LastCallAt.GetValueOrDefault(token) < at - Effect;
            var row = world.Tokens.Of(token);
            if (isQuiet && row is { Failures: 0, LeaseUntil: null, Access: not null } && world.Tokens.NumberOf(row) == TokenRows.NumberOf(entry.AccessToken!))
            {
                world.Broken($"I12: {token} version {entry.Version} was reported at {node.Name} at {at:HH:mm:ss.fff}, and nobody asked the provider for another one");
            }
        });
    }
}
