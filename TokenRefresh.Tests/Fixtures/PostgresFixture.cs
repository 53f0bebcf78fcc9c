using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Hosting.Postgres;
using TokenRefresh.Tests.Fixtures;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace TokenRefresh.Tests.Fixtures;

/// <summary>One cluster for the whole run, brought up by the product's own code when the first test asks; a database for whoever asks.</summary>
public sealed class PostgresFixture : IAsyncDisposable
{
    /// <summary>So much room the databases of a run need at most.</summary>
    private const long Room = 6L * 1024 * 1024 * 1024;

    private readonly string folder = Path.Combine(FastestFolder(), $"tokenrefresh-tests-{Guid.NewGuid():N}");
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> templates = new();
    private readonly Lazy<Task<EmbeddedPostgres>> postgres;

    // Nothing here outlives the run, so nothing is written for a crash or for a replica, and nobody cleans up: a clone costs a tenth of what it costs otherwise.
    private static readonly string[] Settings =
    [
        "fsync = off", "synchronous_commit = off", "full_page_writes = off", "wal_level = minimal", "max_wal_senders = 0", "max_wal_size = 4GB", "autovacuum = off", "max_connections = 400",
    ];

    public PostgresFixture() => postgres = new(() => EmbeddedPostgres.StartAsync(
        new(folder, Environment.GetEnvironmentVariable("TOKENREFRESH_PG_BIN")) { ExtraSettings = Settings },
        NullLogger.Instance, TimeProvider.System, CancellationToken.None));

    /// <summary>A database of its own that has the whole schema and no row, as a clone of one that was migrated once a run; the connection string.</summary>
    public Task<string> CreateMigratedDatabaseAsync() => CreateDatabaseAsync(MigrateAsync, "migrated");

    /// <summary>A database of its own; the connection string.</summary>
    /// <param name="prepareTemplate">Fills the template, given its connection string; it must leave no connection open.</param>
    /// <param name="templateName">The template to clone, prepared once a run; null for an empty database.</param>
    public async Task<string> CreateDatabaseAsync(Func<string, Task>? prepareTemplate = null, string? templateName = null)
    {
        if (templateName is null)
        {
            return await CreateAsync($"test_{Guid.NewGuid():N}", template: null);
        }

        var template = await templates.GetOrAdd(templateName, name => new(() => PrepareAsync(name, prepareTemplate))).Value;
        return await CreateAsync($"test_{Guid.NewGuid():N}", template);
    }

    /// <summary>Gives the room of a database back; a test that is over needs it no more.</summary>
    public async Task DropDatabaseAsync(string connectionString)
    {
        var cluster = await postgres.Value;
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();
        await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS \"{new NpgsqlConnectionStringBuilder(connectionString).Database}\" WITH (FORCE)", connection);
        await drop.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (postgres.IsValueCreated)
        {
            await (await postgres.Value).DisposeAsync();
        }

        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Three hundred files are made for each database, and the memory of Linux makes them ten times as fast as a disk.
    private static string FastestFolder() =>
        OperatingSystem.IsLinux() && Directory.Exists("/dev/shm") && new DriveInfo("/dev/shm").AvailableFreeSpace > Room ? "/dev/shm" : Path.GetTempPath();

    private static async Task MigrateAsync(string connectionString)
    {
        await using var host = ServerHost.Build(
            new Dictionary<string, string?> { ["environment"] = "Development", ["ConnectionStrings:TokenRefresh"] = connectionString, ["Encryption:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]) },
            Roles.None);
        await host.Services.GetRequiredService<Database>().StartAsync(CancellationToken.None);
        await using (var db = await host.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.MigrateAsync();
        }

        foreach (var step in host.Services.GetServices<IDatabaseStep>())
        {
            await step.RunAsync(CancellationToken.None);
        }

        // Postgres clones no database that anything is connected to.
        NpgsqlConnection.ClearAllPools();
    }

    private async Task<string> PrepareAsync(string templateName, Func<string, Task>? prepare)
    {
        var name = $"template_{templateName}";
        var settings = new NpgsqlConnectionStringBuilder(await CreateAsync(name, template: null));
        if (prepare is not null)
        {
            await prepare(settings.ConnectionString);
        }

        // Postgres clones no database that somebody is connected to.
        await using var pooled = new NpgsqlConnection(settings.ConnectionString);
        NpgsqlConnection.ClearPool(pooled);
        return name;
    }

    private async Task<string> CreateAsync(string name, string? template)
    {
        var cluster = await postgres.Value;
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();

        // Files are copied as they are; by default each page goes through the log. Versions before 15 know no other way and no word for it.
        var from = $"TEMPLATE \"{template ?? "template1"}\"{(connection.PostgreSqlVersion.Major >= 15 ? " STRATEGY FILE_COPY" : "")}";
        await using var create = new NpgsqlCommand($"CREATE DATABASE \"{name}\" {from}", connection);
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(cluster.ConnectionString) { Database = name, MaxPoolSize = 40, NoResetOnClose = true, ConnectionIdleLifetime = 60, ConnectionPruningInterval = 10 }.ConnectionString;
    }
}
