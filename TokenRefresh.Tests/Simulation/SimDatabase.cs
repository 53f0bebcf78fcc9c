using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>One real database for many runs, emptied before each.</summary>
internal sealed class SimDatabase : IAsyncDisposable
{
    private const string Empty =
        """
        TRUNCATE tokens, replaced_tokens, token_refresh_logs, token_refresh_hours, incidents, notifications, heartbeats, audit_log, alert_mark RESTART IDENTITY
        """;

    private SimDatabase(NpgsqlDataSource source) => Source = source;

    public NpgsqlDataSource Source { get; }

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

        await using var command = database.Source.CreateCommand("ALTER TABLE audit_log DISABLE TRIGGER USER");
        await command.ExecuteNonQueryAsync();
        return database;
    }

    /// <summary>Empties it and gives each token of the plan its row.</summary>
    public void Begin(IServiceProvider observer, SimPlan plan)
    {
        using var empty = Source.CreateCommand(Empty);
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

    public ValueTask DisposeAsync() => Source.DisposeAsync();
}
