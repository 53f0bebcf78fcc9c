using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>One holder at a time: a lease on the token's row, by the database's clock. Saving a result releases it.</summary>
internal static class Leases
{
    /// <summary>On top of a provider's time-out: for the save after the call.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    /// <summary>Takes the lease for one provider call, and reads the row under it; null while somebody else holds it. A lease that has run out is first taken back, with all that its holder left open.</summary>
    public static async Task<Token?> TakeAsync(TokenRefreshDbContext db, string name, string owner, TimeSpan callTimeout, DateTimeOffset now, CancellationToken cancellationToken) =>
        await TakeAsync(db, name, owner, callTimeout, cancellationToken)
        ?? ((await AbandonedAttempts.ReclaimAsync(db, now, cancellationToken)).Contains(name) ? await TakeAsync(db, name, owner, callTimeout, cancellationToken) : null);

    /// <summary>Before a second call: false when the lease was lost meanwhile, so that no two calls overlap.</summary>
    public static async Task<bool> ExtendAsync(TokenRefreshDbContext db, string name, string owner, TimeSpan callTimeout)
    {
        var span = callTimeout + Margin;
        return await db.Database.ExecuteSqlAsync(
            $"UPDATE tokens SET lease_until = clock_timestamp() + {span} WHERE name = {name} AND lease_owner = {owner}", CancellationToken.None) == 1;
    }

    private static async Task<Token?> TakeAsync(TokenRefreshDbContext db, string name, string owner, TimeSpan callTimeout, CancellationToken cancellationToken)
    {
        var span = callTimeout + Margin;
        var rows = await db.Tokens.FromSql(
            $"""
             UPDATE tokens SET lease_owner = {owner}, lease_until = clock_timestamp() + {span}
             WHERE name = {name} AND lease_until IS NULL
             RETURNING *
             """).AsTracking().ToListAsync(cancellationToken);
        return rows.SingleOrDefault();
    }
}
