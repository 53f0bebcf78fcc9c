using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>One holder at a time: a lease on the token's row, by the database's clock. Saving a result releases it.</summary>
internal sealed class Lease(
    IRefreshWrites writes, IDbContextFactory<TokenRefreshDbContext> contexts, string name, string owner, TimeSpan callTimeout, DatabaseContact contact, TimeProvider clock)
{
    /// <summary>On top of a provider's time-out: for the save after the call.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    /// <summary>A call that begins later than this after the lease was taken could outlast it.</summary>
    private static readonly TimeSpan Slack = Margin / 2;

    private long since = clock.GetTimestamp();

    /// <summary>Who holds it: this process, and this attempt of it.</summary>
    public string Owner => owner;

    /// <summary>How long it lasts.</summary>
    public TimeSpan Span => callTimeout + Margin;

    /// <summary>
    /// Takes the lease for one provider call, and reads the row under it; null while another holder has it, or may still save what was issued to
    /// him. A lease that has run out is first taken back, with all that its holder left open.
    /// </summary>
    public async Task<Token?> TakeAsync(CancellationToken cancellationToken) =>
        await TakeFreeAsync(cancellationToken) ?? (await ReclaimAsync(cancellationToken) ? await TakeFreeAsync(cancellationToken) : null);

    /// <summary>
    /// To be asked right before each call: true when one that begins now ends under the lease, which is extended where it has become too short.
    /// False when it was lost, for example while this process was paused, so that no two calls overlap.
    /// </summary>
    public async Task<bool> CoversCallAsync()
    {
        while (clock.GetElapsedTime(since) > Slack)
        {
            var asked = clock.GetTimestamp();
            if (!await ExtendAsync())
            {
                return false;
            }

            since = asked;
        }

        return true;
    }

    private async Task<bool> ExtendAsync()
    {
        await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
        return await db.Database.ExecuteSqlAsync(
            $"UPDATE tokens SET lease_until = clock_timestamp() + {Span} WHERE name = {name} AND lease_owner = {owner}", CancellationToken.None) == 1;
    }

    private async Task<bool> ReclaimAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return (await AbandonedAttempts.ReclaimAsync(db, contact, clock.GetUtcNow(), name, cancellationToken)).Count > 0;
    }

    private Task<Token?> TakeFreeAsync(CancellationToken cancellationToken)
    {
        since = clock.GetTimestamp();
        return writes.TakeAsync(new(name, owner, Span), cancellationToken);
    }
}
