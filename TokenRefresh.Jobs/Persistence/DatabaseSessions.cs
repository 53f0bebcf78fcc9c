using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>
/// The process's sessions with the database, in all its pools. A session keeps what its database was set to when it began, so one that began while the database
/// was read-only refuses writes for as long as it lives, whatever the database takes by then: it has to make room for a new one.
/// </summary>
public sealed class DatabaseSessions(NpgsqlDataSource database) : IDbCommandInterceptor
{
    private readonly ConcurrentBag<NpgsqlDataSource> pools = [database];

    /// <summary>Adds a pool besides the program's own one.</summary>
    public void Add(NpgsqlDataSource pool) => pools.Add(pool);

    /// <summary>No session that has begun is used for anything new. Those that are in use end when they are given back.</summary>
    public void End()
    {
        // Each by itself: what Npgsql calls all pools are those without a data source.
        foreach (var pool in pools)
        {
            pool.Clear();
        }
    }

    /// <inheritdoc />
    public void CommandFailed(DbCommand command, CommandErrorEventData eventData) => Note(eventData.Exception);

    /// <inheritdoc />
    public Task CommandFailedAsync(DbCommand command, CommandErrorEventData eventData, CancellationToken cancellationToken = default)
    {
        Note(eventData.Exception);
        return Task.CompletedTask;
    }

    private void Note(Exception error)
    {
        if (DatabaseFaults.IsReadOnly(error))
        {
            End();
        }
    }
}
