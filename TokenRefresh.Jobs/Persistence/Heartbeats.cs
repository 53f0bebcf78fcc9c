using Microsoft.EntityFrameworkCore;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Writes signs of life.</summary>
public sealed class Heartbeats(IDbContextFactory<TokenRefreshDbContext> contexts, NodeName node, TimeProvider clock)
{
    /// <summary>Notes that the named part is alive now.</summary>
    public async Task BeatAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO heartbeats (name, beat_at, node) VALUES ({name}, {clock.GetUtcNow()}, {node.Value})
             ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, node = excluded.node
             """, cancellationToken);
    }

    /// <summary>When the named part last gave a sign of life, or null.</summary>
    public async Task<DateTimeOffset?> LastAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Heartbeats.AsNoTracking().Where(beat => beat.Name == name).Select(beat => (DateTimeOffset?)beat.BeatAt).SingleOrDefaultAsync(cancellationToken);
    }
}
