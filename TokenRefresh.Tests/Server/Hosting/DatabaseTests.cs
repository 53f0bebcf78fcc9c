using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class DatabaseTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("", 20, 60)]
    [InlineData(";Maximum Pool Size=7;Max Auto Prepare=0", 7, 0)]
    public async Task Connections_are_bounded_and_statements_prepared_unless_the_connection_string_says_otherwise(string said, int connections, int prepared)
    {
        var given = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        given.Remove("Maximum Pool Size");
        await using var database = Open(given.ConnectionString + said, TimeProvider.System, new Lines());

        await database.StartAsync(TestContext.Current.CancellationToken);

        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        (settings.MaxPoolSize, settings.MaxAutoPrepare).ShouldBe((connections, prepared));
    }

    [Fact]
    public async Task A_session_keeps_its_schema_and_reads_what_is_committed_whatever_the_database_says_and_however_often_it_is_used_again()
    {
        var given = await postgres.CreateDatabaseAsync();
        await ExecuteAsync(given, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$");
        await using var database = Open(given + ";No Reset On Close=false;Maximum Pool Size=1", TimeProvider.System, new Lines());
        await database.StartAsync(TestContext.Current.CancellationToken);
        await using var source = database.CreateSource();
        await source.CreateCommand("SELECT 1").ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await ExecuteAsync(given, "DO $$ BEGIN EXECUTE format('CREATE SCHEMA AUTHORIZATION %I', current_user); END $$");

        await using var asked = source.CreateCommand("SELECT current_schema() || ' ' || current_setting('transaction_isolation')");

        (await asked.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe("public read committed");
    }

    [Fact]
    public async Task A_database_that_is_away_at_the_start_is_waited_for_with_a_line_and_given_up_after_a_minute()
    {
        var (clock, lines) = (new FakeTimeProvider(Some.Now), new Lines());
        await using var database = Open($"Host=127.0.0.1;Port={UnusedPort()};Database=none;Username=nobody;Password=planted-secret", clock, lines);

        var start = database.StartAsync(TestContext.Current.CancellationToken);
        await PassAsync(clock, () => start.IsCompleted);

        (await start.ShouldThrowAsync<StartUpException>()).Message.ShouldContain("/none cannot be used: ");
        (clock.GetUtcNow() - Some.Now).TotalSeconds.ShouldBeInRange(60, 65);
        lines.Told.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            line => line.ShouldStartWith("Waiting for the database at 127.0.0.1:"), line => line.ShouldContain("/none, at most 00:01:00: "), line => line.ShouldNotContain("planted"));
    }

    [Fact]
    public async Task A_wrong_password_is_no_outage_and_is_not_waited_out()
    {
        var (clock, lines) = (new FakeTimeProvider(Some.Now), new Lines());
        var wrong = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync()) { Password = "planted-secret" };
        await using var database = Open(wrong.ConnectionString, clock, lines);

        (await database.StartAsync(TestContext.Current.CancellationToken).ShouldThrowAsync<StartUpException>()).Message.ShouldNotContain("planted");
        lines.Told.ShouldBeEmpty();
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var db = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        await using var command = db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static Database Open(string connectionString, TimeProvider clock, ILogger<Database> log) => new(
        Options.Create(new ConnectionOptions { TokenRefresh = connectionString }), Options.Create(new DataOptions()), new ConfigurationBuilder().Build(), clock, log);

    // A connection takes real time; between two tries only the clock of the test passes.
    private static async Task PassAsync(FakeTimeProvider clock, Func<bool> isDone)
    {
        while (!isDone())
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }
    }

    private static int UnusedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class Lines : ILogger<Database>
    {
        public List<string> Told { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Told.Add(formatter(state, exception));
    }
}
