using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Pages;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>The whole of TokenRefresh.Jobs on a database of its own, with a modelled provider and a clock that only tests move.</summary>
internal sealed class TokenWorld : IAsyncDisposable
{
    private readonly Dictionary<string, string?> settings;
    private readonly string connectionString;
    private readonly byte[] masterKey;
    private readonly List<ServiceProvider> nodes = [];

    private readonly PostgresFixture postgres;

    private TokenWorld(PostgresFixture postgres, string connectionString, ModelProvider provider, FakeTimeProvider clock, Dictionary<string, string?> settings, byte[] masterKey)
    {
        (this.postgres, this.connectionString, Provider, Clock, this.settings, this.masterKey) = (postgres, connectionString, provider, clock, settings, masterKey);
        Node = AddNode("node-1");
    }

    public ModelProvider Provider { get; }

    public FakeTimeProvider Clock { get; }

    public string ConnectionString => connectionString;

    /// <summary>The first node's services.</summary>
    public ServiceProvider Node { get; }

    /// <summary>Every job that was put on the queue.</summary>
    public RecordedJobs Jobs { get; } = new();

    public string UnsavedFolder { get; } = Directory.CreateTempSubdirectory("tokenrefresh-unsaved-").FullName;

    public List<string> LogLines { get; } = [];

    /// <summary>The same lines with their level and id, without what was thrown.</summary>
    public List<(LogLevel Level, int Id, string Text)> Events { get; } = [];

    public TokenRefresher Door => Node.GetRequiredService<TokenRefresher>();

    /// <summary>A world with one prepared node and one token, <c>jibit</c>, unless the settings name others.</summary>
    public static async Task<TokenWorld> CreateAsync(PostgresFixture postgres, params (string Key, string Value)[] settings)
    {
        var clock = new FakeTimeProvider(Some.Now);
        var pairs = settings.ToDictionary(pair => pair.Key, pair => (string?)pair.Value);
        if (!pairs.Keys.Any(key => key.StartsWith("Tokens:", StringComparison.Ordinal)))
        {
            pairs["Tokens:jibit:Provider"] = "jibit";
        }

        var world = new TokenWorld(postgres, await postgres.CreateMigratedDatabaseAsync(), new() { Clock = clock }, clock, pairs, [.. Enumerable.Range(0, MasterKey.Length).Select(number => (byte)number)]);
        await world.Node.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: true, CancellationToken.None);
        return world;
    }

    /// <summary>A further node on the same database.</summary>
    public ServiceProvider AddNode(string name, byte[]? ownMasterKey = null, Action<IServiceCollection>? shape = null)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(new LineLog(LogLines, Events)));
        services.AddSingleton<TimeProvider>(Clock);
        services.AddSingleton(new NodeName(name));
        services.AddSingleton(new MasterKey(ownMasterKey ?? masterKey));
        services.AddSingleton(new UnsavedFolder(UnsavedFolder));
        services.AddSingleton(new MailDropFolder(Path.Combine(UnsavedFolder, "mail")));
        services.AddSingleton<ITokenProviders>(Provider);
        services.AddSingleton(NpgsqlDataSource.Create(connectionString));
        services.AddSingleton<IBackgroundJobClient>(Jobs);
        services.AddTokenRefresh(configuration).AddSingleton(PanelPaths.ForMessages);
        shape?.Invoke(services);
        var node = services.BuildServiceProvider();
        nodes.Add(node);
        return node;
    }

    public Task<RefreshOutcome> RefreshAsync(RefreshTrigger trigger = RefreshTrigger.Due, string token = "jibit", Func<RefreshRequest, RefreshRequest>? change = null) =>
        Door.RefreshAsync((change ?? (request => request))(new RefreshRequest(token, trigger, "a test")), CancellationToken.None);

    public async Task<Token> TokenAsync(string name = "jibit")
    {
        await using var db = await ContextAsync();
        return await db.Tokens.AsNoTracking().SingleAsync(token => token.Name == name);
    }

    /// <summary>The log, oldest first.</summary>
    public async Task<List<RefreshAttempt>> LogAsync()
    {
        await using var db = await ContextAsync();
        return await db.Attempts.AsNoTracking().OrderBy(row => row.Id).ToListAsync();
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var db = await ContextAsync();
        await db.Database.ExecuteSqlRawAsync(sql);
    }

    /// <summary>From now on each save of a token fails as on a full disk (class 53).</summary>
    public Task FillDiskAsync() => ExecuteAsync(
        """
        CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE UPDATE ON tokens FOR EACH ROW EXECUTE FUNCTION disk_full();
        """);

    public Task EmptyDiskAsync() => ExecuteAsync("DROP TRIGGER full_disk ON tokens");

    public Task<TokenRefreshDbContext> ContextAsync() =>
        Node.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }

        await postgres.DropDatabaseAsync(connectionString);
        Directory.Delete(UnsavedFolder, recursive: true);
    }

    /// <summary>Keeps what was enqueued instead of running it.</summary>
    public sealed class RecordedJobs : IBackgroundJobClient
    {
        private int count;

        public List<(string Id, Job Job, IState State)> Created { get; } = [];

        public string Create(Job job, IState state)
        {
            lock (Created)
            {
                Created.Add(($"{++count}", job, state));
                return $"{count}";
            }
        }

        public bool ChangeState(string jobId, IState state, string expectedState) => false;
    }

    private sealed class LineLog(List<string> lines, List<(LogLevel Level, int Id, string Text)> events) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add($"{formatter(state, exception)} {exception}");
                events.Add((logLevel, eventId.Id, formatter(state, exception)));
            }
        }

        public void Dispose()
        {
        }
    }
}
