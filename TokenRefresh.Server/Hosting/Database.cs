using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Server.Hosting;

/// <summary>The Postgres that this process works on: the one of the settings, or its own cluster.</summary>
internal sealed partial class Database(
    IOptions<ConnectionOptions> connection, IOptions<DataOptions> data, IConfiguration configuration, TimeProvider clock, ILogger<Database> log, FirstUseChoice? firstUse = null) : IAsyncDisposable
{
    /// <summary>How long a database that is away at the start is waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>In each of the two pools, ours and Hangfire's, so that nodes under load leave each other some of a Postgres's hundred. <c>Maximum Pool Size</c> in the connection string changes it.</summary>
    private const int ConnectionsAtMost = 20;

    /// <summary>Statements that a connection has seen often stay planned, which is a third of Postgres's work for a refresh. <c>Max Auto Prepare</c> changes it.</summary>
    private const int PreparedAtMost = 60;

    private readonly ConcurrentBag<NpgsqlDataSource> sources = [];
    private EmbeddedPostgres? embedded;

    /// <summary>Ready to use once <see cref="StartAsync"/> has returned. Holds a password.</summary>
    public string ConnectionString
    {
        get => field ?? throw new InvalidOperationException("The database was not started.");
        private set;
    }

    /// <summary>The schema of the program's own tables.</summary>
    public string Schema { get; private set; } = "";

    /// <summary>Where it is, for people; no password.</summary>
    public string Description { get; private set; } = "";

    /// <summary>Brings up the embedded cluster, or waits for the configured database.</summary>
    /// <exception cref="StartUpException">There is no database, or none to work on; the message says what to do.</exception>
    /// <exception cref="OptionsValidationException">The folder that was named for Postgres's programs does not hold them.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (connection.Value.TokenRefresh is { Length: > 0 } configured)
        {
            var settings = PostgresAddress.Read(configured);
            settings.ApplicationName = "TokenRefresh";
            Description = PostgresAddress.InWords(settings);
            Schema = await WaitAsync(settings.ConnectionString, cancellationToken);
            ConnectionString = WithDefaults(settings);
            return;
        }

        try
        {
            embedded = await EmbeddedPostgres.StartAsync(new(Path.GetFullPath(data.Value.Directory), configuration["TOKENREFRESH_PG_BIN"]) { MayCreate = firstUse is null or { Value: FirstUse.Makes } }, log, clock, cancellationToken);
        }
        catch (EmbeddedPostgresException error) when (error.IsMissing)
        {
            throw new NoDatabaseException(error.Message);
        }
        catch (EmbeddedPostgresException error) when (error.IsWrongSetting)
        {
            throw new OptionsValidationException("TOKENREFRESH_PG_BIN", typeof(EmbeddedPostgresOptions), [error.Message]);
        }
        catch (EmbeddedPostgresException error)
        {
            throw new StartUpException(error.Message, error);
        }

        (ConnectionString, Description) = (WithDefaults(new(embedded.ConnectionString)), embedded.Description);
        Schema = await WaitAsync(ConnectionString, cancellationToken);
    }

    /// <summary>A pool of connections whose sessions are as the program needs them, whatever the database, the role or a new schema say.</summary>
    public NpgsqlDataSource CreateSource()
    {
        var settings = SessionSettings.Sql(Schema);
        var source = new NpgsqlDataSourceBuilder(ConnectionString).UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(settings, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(settings, connection);
                await command.ExecuteNonQueryAsync();
            }).Build();
        sources.Add(source);
        return source;
    }

    /// <summary>Stops the embedded cluster when no other process uses it.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var source in sources)
        {
            await source.DisposeAsync();
        }

        if (embedded is not null)
        {
            await embedded.DisposeAsync();
        }
    }

    // What the connection string says for itself stays.
    private static string WithDefaults(NpgsqlConnectionStringBuilder settings)
    {
        settings.MaxPoolSize = settings.ShouldSerialize("Maximum Pool Size") ? settings.MaxPoolSize : ConnectionsAtMost;
        settings.MaxAutoPrepare = settings.ShouldSerialize("Max Auto Prepare") ? settings.MaxAutoPrepare : PreparedAtMost;

        // Seven statements each time a connection is taken from the pool, and they would undo the session's settings. Code of ours that listens or locks for a session releases that itself.
        settings.NoResetOnClose = true;
        return settings.ConnectionString;
    }

    private async Task<string> WaitAsync(string connectionString, CancellationToken cancellationToken)
    {
        var isTold = false;
        for (var since = clock.GetTimestamp(); ;)
        {
            try
            {
                // Not pooled: it would lie idle in a pool of its own.
                await using var probe = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
                await probe.OpenAsync(cancellationToken);
                return await new DatabaseInspection(probe, Description).SchemaAsync(cancellationToken);
            }
            catch (Exception error) when (clock.GetElapsedTime(since) < Patience && PostgresErrors.IsWorthWaiting(error))
            {
                if (!isTold)
                {
                    isTold = true;
                    LogWaiting(Description, PostgresErrors.Words(error), Patience);
                }

                await Task.Delay(Pause, clock, cancellationToken);
            }
            catch (Exception error) when (PostgresErrors.IsOfDatabase(error))
            {
                throw new StartUpException($"The database at {Description} cannot be used: {PostgresErrors.Line(error)}", error);
            }
        }
    }

    [LoggerMessage(5001, LogLevel.Warning, "Waiting for the database at {Database}, at most {Patience}: {Reason}")]
    private partial void LogWaiting(string database, string reason, TimeSpan patience);
}
