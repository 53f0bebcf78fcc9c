using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Ends the transaction of a change, and finds out what became of it where the answer of the database was lost.</summary>
internal static class CatalogCommits
{
    private const int Tries = 5;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Longer than the database needs to notice the end of a transaction that was lost.</summary>
    private const int SecondsPerTry = 5;

    /// <summary>Null once the change is stored, and a refusal where no one knows whether it is.</summary>
    /// <param name="transaction">Holds the lock of <paramref name="provider"/> and has saved one audit entry.</param>
    /// <exception cref="Exception">The database is away, and nothing was stored.</exception>
    public static async Task<CatalogResult.Refused?> EndAsync(
        this IDbContextTransaction transaction, TokenRefreshDbContext db, string provider, IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
    {
        var entry = db.ChangeTracker.Entries<AuditEntry>().Single().Entity;
        try
        {
            await transaction.CommitAsync(CancellationToken.None);
            return null;
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            await transaction.DisposeAsync();
            return await IsStoredAsync(entry, provider, contexts, clock) switch
            {
                true => null,
                false => throw new IOException("The database was lost before the change was stored; nothing was changed.", error),
                null => new(CatalogRefusal.Unconfirmed, $"The database was lost while the change of {entry.Subject} was being stored, so it is unknown whether it was. Read {entry.Subject} again before you repeat the change."),
            };
        }
    }

    // The lock is free once the lost transaction has ended, in one way or the other; then its audit entry is there or never will be.
    private static async Task<bool?> IsStoredAsync(AuditEntry entry, string provider, IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
                db.Database.SetCommandTimeout(SecondsPerTry);
                await using var transaction = await db.Database.BeginTransactionAsync(CancellationToken.None);
                await CatalogLocks.OfAsync(db, provider, CancellationToken.None);
                return await db.Audit.AnyAsync(
                    stored => stored.Id == entry.Id && stored.At == entry.At && stored.Actor == entry.Actor && stored.Action == entry.Action && stored.Subject == entry.Subject, CancellationToken.None);
            }
            catch (Exception error) when (DatabaseFaults.IsAway(error))
            {
                if (tries == Tries)
                {
                    return null;
                }
            }

            await Task.Delay(Pause, clock, CancellationToken.None);
        }
    }
}
