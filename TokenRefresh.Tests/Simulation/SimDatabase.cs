using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>One real database for many runs, emptied before each.</summary>
internal sealed class SimDatabase : IAsyncDisposable
{
    private static readonly string[] Tables =
        ["tokens", "replaced_tokens", "token_refresh_logs", "token_refresh_hours", "incidents", "notifications", "heartbeats", "audit_log", "alert_mark",
         "unavailable_intervals", "incident_notes"];

    private static readonly string[] Numbered = ["token_refresh_logs", "incidents", "notifications", "audit_log"];

    private SimDatabase(NpgsqlDataSource source) => Source = source;

    public NpgsqlDataSource Source { get; }

    /// <summary>A pool that nothing takes a connection from.</summary>
    public NpgsqlDataSource Unused { get; } = NpgsqlDataSource.Create("Host=localhost");

    public static async Task<SimDatabase> CreateAsync(PostgresFixture postgres)
    {
        // A statement that waits for a lock would stop the one thread that could free it. The rest makes statements cheap.
        var settings = new NpgsqlConnectionStringBuilder(await postgres.CreateMigratedDatabaseAsync())
        {
            Options = "-c lock_timeout=5s -c synchronous_commit=off",
            NoResetOnClose = true,
            MaxAutoPrepare = 200,
            AutoPrepareMinUsages = 3,
        };
        var database = new SimDatabase(NpgsqlDataSource.Create(settings.ConnectionString));
        await using (var node = NodeServices.Plain(database, new SimPlan([], [])))
        {
            await node.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: true, CancellationToken.None);
        }

        await using var command = database.Source.CreateCommand(
            $"ALTER TABLE audit_log DISABLE TRIGGER USER; CREATE SCHEMA past; {string.Concat(Tables.Select(table => $"CREATE TABLE past.{table} AS TABLE {table} WITH NO DATA;"))}");
        await command.ExecuteNonQueryAsync();
        return database;
    }

    /// <summary>Empties it and gives each token of the plan its row.</summary>
    public void Begin(IServiceProvider observer, SimPlan plan)
    {
        using var empty = Source.CreateCommand($"TRUNCATE {string.Join(", ", Tables)} RESTART IDENTITY");
        empty.ExecuteNonQuery();
        using var db = observer.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContext();
        foreach (var token in plan.Tokens)
        {
            var row = TokenRefresh.Jobs.Tokens.Token.New(token.Name, SimWorld.Epoch);
            row.Configure(observer.GetRequiredService<TokenRefresh.Jobs.Tokens.ConfiguredTokens>().Find(token.Name)!);
            db.Tokens.Add(row);
        }

        db.SaveChanges();
    }

    /// <summary>What is committed now is what a replica has received; all later is lost with its primary.</summary>
    public void KeepPast()
    {
        using var connection = Source.OpenConnection();
        using var transaction = connection.BeginTransaction(System.Data.IsolationLevel.RepeatableRead);
        using var keep = new NpgsqlCommand(string.Concat(Tables.Select(table => $"TRUNCATE past.{table}; INSERT INTO past.{table} TABLE {table};")), connection, transaction);
        keep.ExecuteNonQuery();
        transaction.Commit();
    }

    /// <summary>The replica is the database now. Numbers that were given out since are given out again.</summary>
    public void GoBack()
    {
        using var connection = Source.OpenConnection();
        using var transaction = connection.BeginTransaction();
        using var back = new NpgsqlCommand(
            $"""
             SET LOCAL session_replication_role = replica;
             TRUNCATE {string.Join(", ", Tables)};
             {string.Concat(Tables.Select(table => $"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE past.{table};"))}
             {string.Concat(Numbered.Select(table => $"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {table}), false);"))}
             """, connection, transaction);
        back.ExecuteNonQuery();
        transaction.Commit();
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Unused.DisposeAsync();
    }
}
