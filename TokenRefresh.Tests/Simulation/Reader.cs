using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Tests.Simulation;

/// <summary>A program that reads a token on a node, uses it, and reports it where the provider refuses it.</summary>
internal sealed class Reader(SimWorld world, SimNode node, string token, TimeSpan minValidity)
{
    public async Task ReadAsync()
    {
        var stored = world.Tokens.Of(token);
        var wasWell = IsWell;
        if (await node.Get<TokenCache>().ReadAsync(token, minValidity, CancellationToken.None) is not { } reading)
        {
            world.Broken($"I3: {node.Name} does not know {token}");
        }
        else if (reading.Entry is { } entry)
        {
            Use(entry);
        }
        else
        {
            CheckRefusal(stored, wasWell, reading);
        }
    }

    private bool IsWell => node is { IsHampered: false, IsInTheKnow: true };

    private void Use(CachedToken entry)
    {
        world.Trace($"{node.Name} serves {token} version {entry.Version}");
        if (entry.ExpiresAt <= node.Clock.GetUtcNow())
        {
            world.Broken($"I2: {node.Name} serves {token}, which expired at {entry.ExpiresAt:O}");
        }

        world.Served.Note(node, token, entry);
        if (!world.ProviderOf(token).Accepts(token, TokenRows.NumberOf(entry.AccessToken!)))
        {
            world.Trace($"{node.Name} reports {token} version {entry.Version}");
            _ = node.Get<TokenCache>().RejectAsync(token, entry.Version, "a client").AsTask();
            world.Served.Reported(node, token, entry);
        }
    }

    // Nothing is served: then there is nothing, or nothing that this node could know of.
    private void CheckRefusal(TokenRow stored, bool wasWell, TokenReading reading)
    {
        world.Trace($"{node.Name} has no {token}: {reading.Code}");
        var now = node.Clock.GetUtcNow();
        if (wasWell && IsWell && stored.ExpiresAt > now)
        {
            world.Broken($"I3: {node.Name} refuses {token} ({reading.Code}), though version {stored.Version} is stored and lives until {stored.ExpiresAt:O}");
        }

        if (node.Known.TryGetValue(token, out var known) && known.ExpiresAt > now && (world.Tokens.Of(token) is var current && (current.Version == known.Version || current.ExpiresAt > now)))
        {
            world.Broken($"I3: {node.Name} refuses {token} ({reading.Code}), though it was told of version {known.Version}, which lives until {known.ExpiresAt:O}");
        }
    }
}
