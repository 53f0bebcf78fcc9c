using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Persistence;

/// <summary>A database that answers every question and takes no writes.</summary>
public sealed class DatabaseProbeTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_read_only_database_is_told_once_and_so_is_its_end_though_its_sessions_are_not_cut_then()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var probe = world.Node.GetRequiredService<DatabaseProbe>();
        (await WhyNotAsync(world, probe)).ShouldBeNull();

        await ReadOnlyDatabase.BeginAsync(world.ConnectionString);
        await RunningServer.UntilAsync(async () => await WhyNotAsync(world, probe) == "database is read-only", "it is known as read-only");
        (await WhyNotAsync(world, probe)).ShouldBe("database is read-only");
        await ReadOnlyDatabase.EndAsync(world.ConnectionString);

        await RunningServer.UntilAsync(async () => await WhyNotAsync(world, probe) is null, "it takes writes");
        var lines = world.Events.Where(line => line.Id is 1043 or 1044).ToList();
        lines.Select(line => (line.Level, line.Id)).ShouldBe([(LogLevel.Error, 1043), (LogLevel.Information, 1044)]);
    }

    [Fact]
    public async Task No_session_of_the_read_only_time_is_left_in_any_pool_once_writes_are_taken()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var other = NpgsqlDataSource.Create(world.ConnectionString);
        world.Node.GetRequiredService<DatabaseSessions>().Add(other);
        var probe = world.Node.GetRequiredService<DatabaseProbe>();
        await ReadOnlyDatabase.BeginAsync(world.ConnectionString);
        await RunningServer.UntilAsync(async () => await WhyNotAsync(world, probe) == "database is read-only", "it is known as read-only");
        await using (var session = await other.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            (await IsReadOnlyAsync(session)).ShouldBe("on");
        }

        await ReadOnlyDatabase.EndAsync(world.ConnectionString);
        await RunningServer.UntilAsync(async () => await WhyNotAsync(world, probe) is null, "it takes writes");

        await using var next = await other.OpenConnectionAsync(TestContext.Current.CancellationToken);
        (await IsReadOnlyAsync(next)).ShouldBe("off");
    }

    [Fact]
    public async Task Whoever_asks_within_a_second_shares_the_answer()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var probe = world.Node.GetRequiredService<DatabaseProbe>();
        await probe.WhyNotAsync(CancellationToken.None);
        await world.ExecuteAsync("DELETE FROM heartbeats");

        await probe.WhyNotAsync(CancellationToken.None);
        (await world.Node.GetRequiredService<Heartbeats>().LastAsync("database", CancellationToken.None)).ShouldBeNull();
        await WhyNotAsync(world, probe);

        (await world.Node.GetRequiredService<Heartbeats>().LastAsync("database", CancellationToken.None)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_refresh_on_a_read_only_database_fails_at_once_and_asks_no_provider()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await ReadOnlyDatabase.BeginAsync(world.ConnectionString);
        world.Node.GetRequiredService<DatabaseContact>().Cut();

        Exception? thrown = null;
        await RunningServer.UntilAsync(
            async () =>
            {
                thrown = await Should.ThrowAsync<Exception>(() => world.RefreshAsync());
                return DatabaseFaults.IsReadOnly(thrown);
            },
            "the lease is refused");

        DatabaseFaults.IsAway(thrown!).ShouldBeTrue();
        world.Provider.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("25006", true)]
    [InlineData("57P01", true)]
    [InlineData("57P03", true)]
    [InlineData("08006", true)]
    [InlineData("53100", false)]
    [InlineData("53300", false)]
    [InlineData("57014", false)]
    public void Contact_counts_as_lost_where_the_next_server_may_be_another_and_not_where_this_one_is_only_busy(string state, bool isCut) =>
        DatabaseFaults.IsCut(new PostgresException("", "", "", state)).ShouldBe(isCut);

    private static async Task<object?> IsReadOnlyAsync(NpgsqlConnection session)
    {
        await using var ask = new NpgsqlCommand("SHOW default_transaction_read_only", session);
        return await ask.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    private static Task<string?> WhyNotAsync(TokenWorld world, DatabaseProbe probe)
    {
        world.Clock.Advance(TimeSpan.FromSeconds(2));
        return probe.WhyNotAsync(CancellationToken.None);
    }
}
