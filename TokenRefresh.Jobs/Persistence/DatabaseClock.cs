using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Telemetry;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Postgres's clock: the only one that nodes share. Liveness is judged by it alone, so that a node with a wrong clock misjudges no other node.</summary>
public sealed class DatabaseClock(IDbContextFactory<TokenRefreshDbContext> contexts, ClockDifferences differences, TimeProvider clock)
{
    /// <summary>
    /// How far this node's clock is ahead of Postgres's now; negative when it is behind. Added to an instant that Postgres took down, it gives the same instant
    /// by this node's clock.
    /// </summary>
    public async Task<TimeSpan> AheadAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);

        // Connecting may take long, and is no part of the look.
        await db.Database.OpenConnectionAsync(cancellationToken);
        var (asked, since) = (clock.GetUtcNow(), clock.GetTimestamp());
        var told = await db.Database.SqlQuery<DateTimeOffset>($"""SELECT clock_timestamp() AS "Value" """).SingleAsync(cancellationToken);
        var uncertainty = clock.GetElapsedTime(since) / 2;
        var ahead = asked + uncertainty - told;
        differences.Note(ClockDifferences.Database, ahead, uncertainty);
        return ahead;
    }
}
