using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>How every context of the program reaches its tables.</summary>
public static class DatabaseContexts
{
    /// <summary>Connections from the program's one pool, names as Postgres writes them, and the history of migrations in the schema of the tables.</summary>
    /// <param name="provider">Brings the <see cref="NpgsqlDataSource"/> and the <see cref="TablesSchema"/>.</param>
    /// <param name="historyTable">The table that holds which migrations of this context were applied.</param>
    public static DbContextOptionsBuilder UseDatabase(this DbContextOptionsBuilder options, IServiceProvider provider, string historyTable)
    {
        var source = provider.GetRequiredService<NpgsqlDataSource>();

        // Given the source itself, EF Core would build its model and its compiled queries once for each source, and a process may hold several hosts.
        return options
            .UseNpgsql(source.ConnectionString, postgres => postgres.MigrationsHistoryTable(historyTable, provider.GetRequiredService<TablesSchema>().Name))
            .UseSnakeCaseNamingConvention()
            .AddInterceptors(new PooledConnections(source));
    }

    private sealed class PooledConnections(NpgsqlDataSource source) : DbConnectionInterceptor
    {
        public override InterceptionResult<DbConnection> ConnectionCreating(ConnectionCreatingEventData eventData, InterceptionResult<DbConnection> result) =>
            InterceptionResult<DbConnection>.SuppressWithResult(source.CreateConnection());
    }
}
