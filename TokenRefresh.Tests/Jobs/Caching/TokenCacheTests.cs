using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

public sealed class TokenCacheTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_fresh_token_is_served_without_touching_the_database_and_without_an_allocation()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var vault = ObtainedWorld.Vault(world);
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
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        world.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(59));

        for (var read = 0; read < 20; read++)
        {
            var reading = await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.FromSeconds(60), CancellationToken.None);
            reading!.Value.IsServed.ShouldBeTrue();
            reading.Value.Code.ShouldBe("provider_down");
        }

        world.Provider.Calls.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_young_token_whose_renewal_was_forced_and_failed_says_so_too()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.RefreshAsync(RefreshTrigger.Forced);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.ShouldSatisfyAllConditions(
            served => served.IsServed.ShouldBeTrue(),
            served => served.Code.ShouldBe("provider_down"));
    }

    [Fact]
    public async Task A_reader_who_asks_for_nearly_a_whole_life_does_not_renew_at_each_read()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var vault = ObtainedWorld.Vault(world);
        var nearlyAll = TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1);
        world.Clock.Advance(TimeSpan.FromSeconds(2));

        var codes = new List<string?>();
        for (var read = 0; read < 5; read++)
        {
            codes.Add((await vault.ReadAsync("jibit", nearlyAll, CancellationToken.None))!.Value.Code);
            world.Clock.Advance(TimeSpan.FromMinutes(3));
        }

        codes.ShouldBe([null, "just_renewed", "just_renewed", "just_renewed", "just_renewed"]);
        world.Clock.Advance(TimeSpan.FromMinutes(3));
        (await vault.ReadAsync("jibit", nearlyAll, CancellationToken.None))!.Value.Code.ShouldBeNull();
        world.Provider.Calls.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Another_token_under_the_same_version_is_served_once_it_is_heard_of()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var vault = ObtainedWorld.Vault(world);
        var (version, second) = ((await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.Version, world.AddNode("after-a-restore"));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await second.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Forced, "a test"), CancellationToken.None);
        await world.ExecuteAsync($"UPDATE tokens SET version = {version}");

        await vault.ReloadAsync(CancellationToken.None);

        (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.AccessToken.ShouldBe("access-of-jibit-2");
    }

    [Fact]
    public async Task A_newer_token_under_a_lower_version_is_served_under_a_version_that_no_token_had()
    {
        await using var world = await AfterFailoverAsync();
        var vault = ObtainedWorld.Vault(world);

        await vault.ReloadAsync(CancellationToken.None);

        var entry = (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!;
        (entry.AccessToken, entry.Version).ShouldBe(("access-of-jibit-2", 1001));
    }

    [Fact]
    public async Task An_older_version_is_not_served_while_nothing_can_be_written_and_the_one_in_hand_lives_and_is_once_it_has_expired()
    {
        await using var world = await AfterFailoverAsync();
        await world.FillDiskAsync();
        var vault = ObtainedWorld.Vault(world);

        await vault.ReloadAsync(CancellationToken.None);
        (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.AccessToken.ShouldBe("access-of-jibit-1");
        world.Clock.Advance(TimeSpan.FromHours(23.9));
        await vault.ReloadAsync(CancellationToken.None);

        (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.AccessToken.ShouldBe("access-of-jibit-2");
    }

    [Fact]
    public async Task What_is_stored_counts_whatever_its_version_once_what_is_held_is_distrusted()
    {
        await using var world = await AfterFailoverAsync();
        var vault = ObtainedWorld.Vault(world);

        vault.Invalidate();
        (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.AccessToken.ShouldBe("access-of-jibit-1");
        await vault.ReloadAsync(CancellationToken.None);

        (await vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!.AccessToken.ShouldBe("access-of-jibit-2");
    }

    // The first node holds version 1, ten minutes old; stored is a newer token under version 0.
    private async Task<TokenWorld> AfterFailoverAsync()
    {
        var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        await world.AddNode("after-a-failover").GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Forced, "a test"), CancellationToken.None);
        await world.ExecuteAsync("UPDATE tokens SET version = 0");
        return world;
    }

    [Fact]
    public async Task A_paused_token_is_not_overdue()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "a test", world.Clock.GetUtcNow().AddHours(30), "a test", CancellationToken.None);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        ObtainedWorld.Vault(world).Lives.ShouldHaveSingleItem().DueAt.ShouldBeNull();
        world.Clock.Advance(TimeSpan.FromHours(31));
        ObtainedWorld.Vault(world).Lives.ShouldHaveSingleItem().DueAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task An_expired_token_is_never_served_and_the_reader_is_told_why_and_when_to_ask_again()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        world.Clock.Advance(TimeSpan.FromHours(25));

        var reading = (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value;

        reading.IsServed.ShouldBeFalse();
        reading.Code.ShouldBe("provider_down");
        reading.RetryAfter!.Value.ShouldBeInRange(TimeSpan.FromSeconds(54), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Our_own_mistake_during_a_refresh_costs_no_reader_the_token_that_is_still_valid()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(59));
        await world.ExecuteAsync("ALTER TABLE token_refresh_logs RENAME TO lost");

        var reading = (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.FromSeconds(60), CancellationToken.None))!.Value;

        (reading.IsServed, reading.Code).ShouldBe((true, "not_renewed_in_time"));
        world.LogLines.ShouldContain(line => line.Contains("failed unexpectedly", StringComparison.Ordinal) && line.Contains("token_refresh_logs", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_that_died_while_nothing_could_be_done_says_that_it_has_expired()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromHours(25));
        await world.ExecuteAsync("ALTER TABLE token_refresh_logs RENAME TO lost");

        var reading = (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value;

        (reading.IsServed, reading.Code).ShouldBe((false, "expired"));
        reading.RetryAfter.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_reader_who_needs_more_than_a_paused_token_has_left_is_told_of_the_pause()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", null, "a test", CancellationToken.None);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromHours(23));

        var reading = (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.FromHours(2), CancellationToken.None))!.Value;

        (reading.IsServed, reading.Code).ShouldBe((true, "paused"));
    }

    [Fact]
    public async Task A_paused_token_is_served_while_it_is_valid_and_then_says_that_it_is_paused()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", null, "a person", CancellationToken.None);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.IsServed.ShouldBeTrue();
        world.Clock.Advance(TimeSpan.FromHours(25));
        (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Code.ShouldBe("paused");
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_token_without_credentials_and_one_that_nobody_imported_say_so()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:a:Provider", "jibit"), ("Tokens:b:Provider", "jibit"), ("Tokens:b:Grant", "Imported"));
        (await ObtainedWorld.Vault(world).ReadAsync("b", TimeSpan.Zero, CancellationToken.None))!.Value.Code.ShouldBe("needs_reauthorization");

        world.Provider.MissingSettings = ["Providers__Jibit__ApiKey"];

        (await ObtainedWorld.Vault(world).ReadAsync("a", TimeSpan.Zero, CancellationToken.None))!.Value.Code.ShouldBe("not_configured");
        (await ObtainedWorld.Vault(world).ReadAsync("nobody", TimeSpan.Zero, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task That_readers_of_a_dead_token_find_the_database_away_is_said_once_an_outage()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        await world.ExecuteAsync("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'; END $$");
        for (var outage = 1; outage <= 2; outage++)
        {
            world.Clock.Advance(TimeSpan.FromDays(2));
            await world.ExecuteAsync("CREATE TRIGGER fail BEFORE UPDATE ON tokens FOR EACH ROW EXECUTE FUNCTION fail()");
            for (var read = 0; read < 5; read++)
            {
                (await ObtainedWorld.VersionAsync(world.Node)).ShouldBeNull();
            }

            Lines().ShouldBe(outage);
            await world.ExecuteAsync("DROP TRIGGER fail ON tokens");
            (await ObtainedWorld.VersionAsync(world.Node)).ShouldBe(outage + 1);
        }

        int Lines()
        {
            lock (world.LogLines)
            {
                return world.LogLines.Count(line => line.Contains("is served from memory while it is valid", StringComparison.Ordinal));
            }
        }
    }
}
