using Hangfire;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Health;

/// <summary>A Hangfire server whose heartbeat is recent.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Workers">How many workers it runs.</param>
/// <param name="StartedAt">By the server's own clock.</param>
/// <param name="HeartbeatAt">By this node's clock.</param>
public sealed record LiveServer(string Name, int Workers, DateTimeOffset StartedAt, DateTimeOffset HeartbeatAt);

/// <summary>Reads which Hangfire servers are alive.</summary>
public sealed class LiveServers(JobStorage storage, IOptions<QueueOptions> queue, DatabaseClock databaseClock, TimeProvider clock)
{
    /// <summary>Three of Hangfire's heartbeats; a killed server stays listed for minutes longer.</summary>
    private static readonly TimeSpan AliveWithin = TimeSpan.FromSeconds(45);

    /// <summary>The servers that work on our queue and are alive.</summary>
    public async Task<IReadOnlyList<LiveServer>> ListAsync(CancellationToken cancellationToken)
    {
        // Hangfire writes heartbeats by the database's clock.
        var ahead = await databaseClock.AheadAsync(cancellationToken);
        var now = clock.GetUtcNow();
        return [.. storage.GetMonitoringApi().Servers()
            .Where(server => server.Queues.Contains(queue.Value.Name) && server.Heartbeat is { } beat && now - (beat.Utc() + ahead) < AliveWithin)
            .Select(server => new LiveServer(server.Name, server.WorkersCount, server.StartedAt.Utc(), server.Heartbeat!.Value.Utc() + ahead))];
    }
}
