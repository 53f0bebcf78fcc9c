using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Jobs.Vending;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Vending;

public sealed class VaultFeedTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_refresh_on_one_node_is_heard_by_another_and_without_notifications_the_reload_brings_it()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2");
        using var stop = new CancellationTokenSource();
        var listening = other.GetRequiredService<VaultFeed>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 1, "node 2 has read the token");

        await world.RefreshAsync(RefreshTrigger.Forced);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 2, "node 2 has heard of version 2");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);

        await world.RefreshAsync(RefreshTrigger.Forced);
        await other.GetRequiredService<VaultFeed>().ReloadAllAsync(CancellationToken.None);
        (await ObtainedWorld.VersionAsync(other)).ShouldBe(3);
    }

    [Fact]
    public async Task A_cut_listener_listens_again_and_reads_what_it_has_missed()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2");
        using var stop = new CancellationTokenSource();
        var listening = other.GetRequiredService<VaultFeed>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 1, "node 2 has read the token");

        await world.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()");
        await world.RefreshAsync(RefreshTrigger.Forced);
        await RunningServer.UntilAsync(
            async () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                return await ObtainedWorld.VersionAsync(other) == 2;
            },
            "node 2 has caught up");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);
    }

    [Fact]
    public async Task A_connection_that_has_listened_goes_back_to_the_pool_without_listening_on()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        await using var pool = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(world.ConnectionString) { NoResetOnClose = true, MaxPoolSize = 1 });
        var feed = ActivatorUtilities.CreateInstance<VaultFeed>(world.Node, pool);
        using var stop = new CancellationTokenSource();
        var before = await ObtainedWorld.VersionAsync(world.Node);
        var listening = feed.ListenAsync(stop.Token);
        await world.RefreshAsync(RefreshTrigger.Forced);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(world.Node) > before, "the feed has heard");

        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);

        await using var channels = pool.CreateCommand("SELECT count(*) FROM pg_listening_channels()");
        (await channels.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(0L);
    }

    [Fact]
    public async Task A_database_that_is_away_for_long_is_said_once_and_its_return_too()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        using var stop = new CancellationTokenSource();
        await world.ExecuteAsync("ALTER TABLE tokens RENAME TO tokens_away");
        var listening = world.Node.GetRequiredService<VaultFeed>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(() => Task.FromResult(Lines("not heard of") == 1), "the cut is said", seconds: 30);
        for (var second = 0; second < 5; second++)
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        await world.ExecuteAsync("ALTER TABLE tokens_away RENAME TO tokens");
        await RunningServer.UntilAsync(
            () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                return Task.FromResult(Lines("heard of again") == 1);
            },
            "the return is said", seconds: 30);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);

        Lines("not heard of").ShouldBe(1);

        int Lines(string words)
        {
            lock (world.LogLines)
            {
                return world.LogLines.Count(line => line.Contains(words, StringComparison.Ordinal));
            }
        }
    }
}
