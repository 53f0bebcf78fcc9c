using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

public sealed class TokenChangeListenerTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_refresh_on_one_node_is_heard_by_another()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2");
        using var stop = new CancellationTokenSource();
        var listening = other.GetRequiredService<TokenChangeListener>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 1, "node 2 has read the token");

        await world.RefreshAsync(RefreshTrigger.Forced);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 2, "node 2 has heard of version 2");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);
    }

    [Theory]
    [InlineData(null, 300)]
    [InlineData("00:01:00", 60)]
    public async Task Without_notifications_everything_is_read_again_as_often_as_the_settings_say(string? setting, int seconds)
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres, setting is null ? [] : [("TokenRefresh:Performance:CacheTtl", setting)]);
        var other = world.AddNode("node-2");
        await other.GetRequiredService<TokenChangeListener>().ReloadAllAsync(CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var reading = other.GetRequiredService<TokenChangeListener>().ReloadPeriodicallyAsync(stop.Token);
        await world.RefreshAsync(RefreshTrigger.Forced);

        world.Clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        (await ObtainedWorld.VersionAsync(other)).ShouldBe(1);
        world.Clock.Advance(TimeSpan.FromSeconds(1));

        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 2, "node 2 has read everything again");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(reading);
    }

    [Fact]
    public async Task That_everything_is_to_be_read_again_means_also_what_is_stored_under_a_lower_version()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        using var stop = new CancellationTokenSource();
        var feed = world.Node.GetRequiredService<TokenChangeListener>();
        var listening = feed.ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(world.Node) == 1, "the node has read the token");
        await world.ExecuteAsync("ALTER TABLE tokens DISABLE TRIGGER USER; UPDATE tokens SET version = 0; ALTER TABLE tokens ENABLE TRIGGER USER");

        await RunningServer.UntilAsync(
            async () =>
            {
                await world.Node.GetRequiredService<ChangeFeed>().AnnounceAsync(ChangeFeed.Everything, CancellationToken.None);
                return await ObtainedWorld.VersionAsync(world.Node) == 1001;
            },
            "the node serves what is stored");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);
    }

    [Fact]
    public async Task A_cut_listener_listens_again_and_reads_what_it_has_missed()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2");
        using var stop = new CancellationTokenSource();
        var listening = other.GetRequiredService<TokenChangeListener>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await ObtainedWorld.VersionAsync(other) == 1, "node 2 has read the token");

        await using (var db = await world.ContextAsync())
        {
            var cut = await db.Database.SqlQueryRaw<bool>(
                "SELECT pg_terminate_backend(pid) AS \"Value\" FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()").ToListAsync(CancellationToken.None);
            cut.ShouldBe([true]);
        }

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
        var feed = ActivatorUtilities.CreateInstance<TokenChangeListener>(world.Node, pool);
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
        var listening = world.Node.GetRequiredService<TokenChangeListener>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(() => Task.FromResult(Lines("Not receiving changes") == 1), "the cut is said", seconds: 30);
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
                return Task.FromResult(Lines("Receiving changes from other nodes again") == 1);
            },
            "the return is said", seconds: 30);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);

        Lines("Not receiving changes").ShouldBe(1);

        int Lines(string words)
        {
            lock (world.LogLines)
            {
                return world.LogLines.Count(line => line.Contains(words, StringComparison.Ordinal));
            }
        }
    }
}
