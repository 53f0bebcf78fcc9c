using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Keeps a provider and its tokens together: who adds a token and who removes its provider wait for one another.</summary>
internal static class CatalogLocks
{
    /// <summary>Any constant will do that no other lock of this program has.</summary>
    private const int Space = 724_501;

    /// <summary>Held until the transaction ends.</summary>
    public static Task OfAsync(TokenRefreshDbContext db, string provider, CancellationToken cancellationToken) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({Space}, hashtext({provider}))", cancellationToken);
}
