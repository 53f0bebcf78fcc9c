using System.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace TokenRefresh.Jobs.Persistence;

internal static class Snapshots
{
    /// <summary>One view of the database for several reads of a log of millions of rows.</summary>
    /// <remarks>
    /// The log has an index for every order, so its rows are never sorted: Postgres misjudges how many rows fit several filters,
    /// and would read them all to sort them; counts go into hash tables. Compiling such a query takes longer than running it.
    /// </remarks>
    public static async Task<IDbContextTransaction> TakeAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        await db.Database.ExecuteSqlAsync($"SET LOCAL enable_sort = off; SET LOCAL jit = off", cancellationToken);
        return transaction;
    }
}
