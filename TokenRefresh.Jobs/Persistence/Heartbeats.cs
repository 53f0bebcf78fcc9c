using Microsoft.EntityFrameworkCore;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Writes signs of life, by the database's clock: the node that writes one and the node that reads it need not agree on the time.</summary>
public sealed class Heartbeats(IDbContextFactory<TokenRefreshDbContext> contexts, NodeName node, TimeProvider clock)
{
    /// <summary>Notes that the named part is alive now.</summary>
    public async Task BeatAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO heartbeats (name, beat_at, node) VALUES ({name}, clock_timestamp(), {node.Value})
             ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, node = excluded.node
             """, cancellationToken);
    }

    /// <summary>When, by this node's clock, the named part last gave a sign of life; null for never.</summary>
    public async Task<DateTimeOffset?> LastAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var ago = await db.Database.SqlQuery<TimeSpan>($"""SELECT clock_timestamp() - beat_at AS "Value" FROM heartbeats WHERE name = {name}""").ToListAsync(cancellationToken);
        return ago is [var age] ? clock.GetUtcNow() - age : null;
    }
}
