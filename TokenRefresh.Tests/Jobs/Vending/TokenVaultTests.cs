using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Jobs.Vending;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Vending;

public sealed class TokenVaultTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_fresh_token_is_served_without_touching_the_database_and_without_an_allocation()
    {
        await using var world = await ObtainedAsync();
        var vault = Vault(world);
        await world.ExecuteAsync("ALTER TABLE tokens RENAME TO tokens_away");
        (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.AccessToken.ShouldBe("access-of-jibit-1");

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var read = 0; read < 1000; read++)
        {
            await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1000);
    }

    [Fact]
    public async Task With_the_provider_down_and_little_life_left_every_read_is_served_and_says_why_it_is_stale()
    {
        await using var world = await ObtainedAsync();
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        world.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(59));

        for (var read = 0; read < 20; read++)
        {
            var reading = await Vault(world).ReadAsync("jibit", TimeSpan.FromSeconds(60), CancellationToken.None);
            reading!.Value.IsServed.ShouldBeTrue();
            reading.Value.Code.ShouldBe("provider_down");
        }

        world.Provider.Calls.Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_expired_token_is_never_served_and_the_reader_is_told_why_and_when_to_ask_again()
    {
        await using var world = await ObtainedAsync();
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        world.Clock.Advance(TimeSpan.FromHours(25));

        var reading = (await Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value;

        reading.IsServed.ShouldBeFalse();
        reading.Code.ShouldBe("provider_down");
        reading.RetryAfter!.Value.ShouldBeInRange(TimeSpan.FromSeconds(54), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_thousand_cold_readers_on_three_nodes_make_one_call()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var vaults = new[] { world.Node, world.AddNode("node-2"), world.AddNode("node-3") }.Select(node => node.GetRequiredService<TokenVault>()).ToArray();
        world.Provider.Before = async (_, _) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            return null;
        };

        var reads = Enumerable.Range(0, 1000).Select(number => vaults[number % 3].ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).AsTask()).ToList();
        var all = Task.WhenAll(reads);
        while (!all.IsCompleted)
        {
            world.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        (await all).ShouldAllBe(reading => reading!.Value.IsServed);
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task One_readers_impatience_does_not_cancel_the_others()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var answer = new TaskCompletionSource();
        world.Provider.Before = async (_, _) =>
        {
            await answer.Task;
            return null;
        };
        using var impatient = new CancellationTokenSource();
        var first = Vault(world).ReadAsync("jibit", TimeSpan.Zero, impatient.Token).AsTask();
        var second = Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).AsTask();

        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(first);
        answer.SetResult();

        (await second)!.Value.IsServed.ShouldBeTrue();
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_reader_waits_ten_seconds_at_most_and_then_gets_the_token_that_is_still_valid()
    {
        await using var world = await ObtainedAsync();
        world.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(59));
        var asked = new TaskCompletionSource();
        world.Provider.Before = (_, _) =>
        {
            asked.SetResult();
            return new TaskCompletionSource<ProviderResult?>().Task;
        };

        var reading = Vault(world).ReadAsync("jibit", TimeSpan.FromSeconds(60), CancellationToken.None).AsTask();
        await asked.Task;
        world.Clock.Advance(TimeSpan.FromSeconds(11));

        (await reading)!.Value.ShouldSatisfyAllConditions(
            served => served.IsServed.ShouldBeTrue(),
            served => served.Code.ShouldBe("not_renewed_in_time"));
    }

    [Fact]
    public async Task Two_hundred_reports_of_one_version_in_twenty_waves_make_one_call()
    {
        await using var world = await ObtainedAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        world.Provider.Before = async (_, _) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            return null;
        };

        for (var wave = 0; wave < 20; wave++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => Vault(world).Reject("jibit", 1, "client:storm"))));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit"]);
        (await world.TokenAsync()).Version.ShouldBe(2);
    }

    [Fact]
    public async Task The_first_report_renews_a_token_however_young_and_a_report_of_its_replacement_has_to_wait_a_minute()
    {
        await using var world = await ObtainedAsync();

        (await ReportAsync(1)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ReportAsync(2)).ShouldBeOfType<RefreshOutcome.Skipped>();
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        (await ReportAsync(2)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        await world.RefreshAsync(RefreshTrigger.Forced);
        (await ReportAsync(4)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        Task<RefreshOutcome> ReportAsync(long version) => world.RefreshAsync(RefreshTrigger.Rejected, change: request => request with { RejectedVersion = version });
    }

    [Fact]
    public async Task A_report_of_a_version_that_this_node_has_not_heard_of_yet_renews_it()
    {
        await using var world = await ObtainedAsync();
        var deaf = world.AddNode("node-2").GetRequiredService<TokenVault>();
        await deaf.ReloadAsync(CancellationToken.None);
        await world.RefreshAsync(RefreshTrigger.Forced);

        deaf.Reject("jibit", 2, "client:quick").ShouldBeTrue();

        await RunningServer.UntilAsync(async () => (await world.TokenAsync()).Version == 3, "version 2 is renewed", seconds: 30);
    }

    [Fact]
    public async Task Our_own_mistake_during_a_refresh_costs_no_reader_the_token_that_is_still_valid()
    {
        await using var world = await ObtainedAsync();
        world.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(59));
        await world.ExecuteAsync("ALTER TABLE token_refresh_logs RENAME TO lost");

        var reading = (await Vault(world).ReadAsync("jibit", TimeSpan.FromSeconds(60), CancellationToken.None))!.Value;

        (reading.IsServed, reading.Code).ShouldBe((true, "not_renewed_in_time"));
        world.LogLines.ShouldContain(line => line.Contains("broke", StringComparison.Ordinal) && line.Contains("token_refresh_logs", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_that_died_while_nothing_could_be_done_says_that_it_has_expired()
    {
        await using var world = await ObtainedAsync();
        world.Clock.Advance(TimeSpan.FromHours(25));
        await world.ExecuteAsync("ALTER TABLE token_refresh_logs RENAME TO lost");

        var reading = (await Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value;

        (reading.IsServed, reading.Code).ShouldBe((false, "expired"));
        reading.RetryAfter.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_reader_hears_of_the_failure_of_another_nodes_refresh_without_waiting_on()
    {
        await using var world = await ObtainedAsync();
        var other = world.AddNode("node-2").GetRequiredService<TokenVault>();
        await other.ReloadAsync(CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromHours(25));
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        world.Provider.Before = async (call, order) =>
        {
            asked.TrySetResult();
            await answer.Task;
            return await ModelProvider.Failing(FailureKind.ProviderDown)(call, order);
        };
        var refreshing = world.RefreshAsync(RefreshTrigger.Forced);
        await asked.Task;
        var since = world.Clock.GetUtcNow();

        var reading = other.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).AsTask();
        answer.SetResult();
        await refreshing;
        while (!reading.IsCompleted)
        {
            world.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        (await reading)!.Value.Code.ShouldBe("provider_down");
        (world.Clock.GetUtcNow() - since).ShouldBeLessThan(TimeSpan.FromSeconds(9));
    }

    [Fact]
    public async Task A_reader_who_needs_more_than_a_paused_token_has_left_is_told_of_the_pause()
    {
        await using var world = await ObtainedAsync();
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", null, "a test", CancellationToken.None);
        await Vault(world).ReloadAsync(CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromHours(23));

        var reading = (await Vault(world).ReadAsync("jibit", TimeSpan.FromHours(2), CancellationToken.None))!.Value;

        (reading.IsServed, reading.Code).ShouldBe((true, "paused"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(long.MaxValue)]
    public async Task Reports_of_old_future_and_foreign_versions_do_nothing(long version)
    {
        await using var world = await ObtainedAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(1));

        Vault(world).Reject("jibit", version, "client:storm").ShouldBeTrue();
        Vault(world).Reject("unknown", 1, "client:storm").ShouldBeFalse();

        (await world.Door.RefreshAsync(new("jibit", RefreshTrigger.Rejected, "client:storm") { RejectedVersion = version }, CancellationToken.None)).ShouldBeOfType<RefreshOutcome.Skipped>();
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Asking_for_more_life_than_the_token_ever_has_does_not_renew_it_at_each_read()
    {
        await using var world = await ObtainedAsync();

        for (var read = 0; read < 5; read++)
        {
            var reading = (await Vault(world).ReadAsync("jibit", TimeSpan.FromDays(3), CancellationToken.None))!.Value;
            (reading.IsServed, reading.Code).ShouldBe((true, "never_lives_that_long"));
        }

        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Asking_for_more_life_than_is_left_renews_it_once_though_it_is_not_due()
    {
        await using var world = await ObtainedAsync();
        world.Clock.Advance(TimeSpan.FromHours(10));

        var reading = await Vault(world).ReadAsync("jibit", TimeSpan.FromHours(20), CancellationToken.None);

        reading!.Value.Entry!.Version.ShouldBe(2);
        reading.Value.Code.ShouldBeNull();
    }

    [Fact]
    public async Task A_paused_token_is_served_while_it_is_valid_and_then_says_that_it_is_paused()
    {
        await using var world = await ObtainedAsync();
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", null, "a person", CancellationToken.None);
        await Vault(world).ReloadAsync(CancellationToken.None);

        (await Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.IsServed.ShouldBeTrue();
        world.Clock.Advance(TimeSpan.FromHours(25));
        (await Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Code.ShouldBe("paused");
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_token_without_credentials_and_one_that_nobody_imported_say_so()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:a:Provider", "jibit"), ("Tokens:b:Provider", "jibit"), ("Tokens:b:Grant", "Imported"));
        (await Vault(world).ReadAsync("b", TimeSpan.Zero, CancellationToken.None))!.Value.Code.ShouldBe("needs_reauthorization");

        world.Provider.MissingSettings = ["Providers__Jibit__ApiKey"];

        (await Vault(world).ReadAsync("a", TimeSpan.Zero, CancellationToken.None))!.Value.Code.ShouldBe("not_configured");
        (await Vault(world).ReadAsync("nobody", TimeSpan.Zero, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task A_refresh_on_one_node_is_heard_by_another_and_without_notifications_the_reload_brings_it()
    {
        await using var world = await ObtainedAsync();
        var other = world.AddNode("node-2");
        using var stop = new CancellationTokenSource();
        var listening = other.GetRequiredService<VaultFeed>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await VersionAsync(other) == 1, "node 2 has read the token");

        await world.RefreshAsync(RefreshTrigger.Forced);
        await RunningServer.UntilAsync(async () => await VersionAsync(other) == 2, "node 2 has heard of version 2");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);

        await world.RefreshAsync(RefreshTrigger.Forced);
        await other.GetRequiredService<VaultFeed>().ReloadAllAsync(CancellationToken.None);
        (await VersionAsync(other)).ShouldBe(3);
    }

    [Fact]
    public async Task A_cut_listener_listens_again_and_reads_what_it_has_missed()
    {
        await using var world = await ObtainedAsync();
        var other = world.AddNode("node-2");
        using var stop = new CancellationTokenSource();
        var listening = other.GetRequiredService<VaultFeed>().ListenAsync(stop.Token);
        await RunningServer.UntilAsync(async () => await VersionAsync(other) == 1, "node 2 has read the token");

        await world.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()");
        await world.RefreshAsync(RefreshTrigger.Forced);
        await RunningServer.UntilAsync(
            async () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                return await VersionAsync(other) == 2;
            },
            "node 2 has caught up");
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(listening);
    }

    [Fact]
    public async Task A_database_that_is_away_for_long_is_said_once_and_its_return_too()
    {
        await using var world = await ObtainedAsync();
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

    [Fact]
    public async Task That_readers_of_a_dead_token_find_the_database_away_is_said_once_an_outage()
    {
        await using var world = await ObtainedAsync();
        await world.ExecuteAsync("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'; END $$");
        for (var outage = 1; outage <= 2; outage++)
        {
            world.Clock.Advance(TimeSpan.FromDays(2));
            await world.ExecuteAsync("CREATE TRIGGER fail BEFORE UPDATE ON tokens FOR EACH ROW EXECUTE FUNCTION fail()");
            for (var read = 0; read < 5; read++)
            {
                (await VersionAsync(world.Node)).ShouldBeNull();
            }

            Lines().ShouldBe(outage);
            await world.ExecuteAsync("DROP TRIGGER fail ON tokens");
            (await VersionAsync(world.Node)).ShouldBe(outage + 1);
        }

        int Lines()
        {
            lock (world.LogLines)
            {
                return world.LogLines.Count(line => line.Contains("is served from memory while it is valid", StringComparison.Ordinal));
            }
        }
    }

    private static async Task<long?> VersionAsync(IServiceProvider node) =>
        (await node.GetRequiredService<TokenVault>().ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))?.Entry?.Version;

    private static TokenVault Vault(TokenWorld world) => world.Node.GetRequiredService<TokenVault>();

    private async Task<TokenWorld> ObtainedAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await Vault(world).ReloadAsync(CancellationToken.None);
        return world;
    }
}
