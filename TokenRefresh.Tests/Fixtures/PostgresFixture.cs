using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;
using TokenRefresh.Tests.Fixtures;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace TokenRefresh.Tests.Fixtures;

/// <summary>One cluster for the whole run, brought up by the product's own code; a database for whoever asks.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"tokenrefresh-tests-{Guid.NewGuid():N}");
    private EmbeddedPostgres? postgres;

    public async ValueTask InitializeAsync() => postgres = await EmbeddedPostgres.StartAsync(
        new(folder, Environment.GetEnvironmentVariable("TOKENREFRESH_PG_BIN")) { ExtraSettings = ["fsync = off", "max_connections = 400"] },
        NullLogger.Instance, TimeProvider.System, CancellationToken.None);

    /// <summary>An empty database of its own; the connection string.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test_{Guid.NewGuid():N}";
        await using var connection = new NpgsqlConnection(postgres!.ConnectionString);
        await connection.OpenAsync();
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = name, MaxPoolSize = 40, ConnectionIdleLifetime = 5, ConnectionPruningInterval = 2 }.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await postgres!.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
