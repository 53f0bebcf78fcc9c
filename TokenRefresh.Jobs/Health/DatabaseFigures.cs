using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Health;

/// <summary>The database in figures.</summary>
/// <param name="Version">Postgres's version.</param>
/// <param name="Bytes">How much disk it takes.</param>
/// <param name="LogRows">Rows of the log as Postgres estimates them; null before its first estimate.</param>
public sealed record DatabaseFigure(string Version, long Bytes, long? LogRows);

/// <summary>Reads how large the database is.</summary>
public sealed class DatabaseFigures(IDbContextFactory<TokenRefreshDbContext> contexts)
{
    /// <summary>The figures now; one query that counts no rows.</summary>
    public async Task<DatabaseFigure> ReadAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<DatabaseFigure>(
            $"""
             SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
                    (SELECT nullif(reltuples, -1)::bigint FROM pg_class WHERE oid = 'token_refresh_logs'::regclass) AS log_rows
             """).SingleAsync(cancellationToken);
    }
}
