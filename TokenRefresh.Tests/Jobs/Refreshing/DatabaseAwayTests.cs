using System.Net.Sockets;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>The provider has answered, and the database is unreachable when the answer is to be saved.</summary>
public sealed class DatabaseAwayTests(PostgresFixture postgres)
{
    private const int Away = 1021, Taken = 1022;

    private readonly WaitlessClock clock = new();
    private readonly AwayDatabase database = new();
    private ShutdownSignal? end;

    [Fact]
    public async Task A_save_is_tried_again_after_half_a_second_and_then_after_twice_as_long_up_to_ten_seconds()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        var outcome = await RefreshAsync(world, failedSaves: 7);

        clock.Waits.ShouldBe([.. new[] { 0.5, 1, 2, 4, 8, 10, 10 }.Select(TimeSpan.FromSeconds)]);
        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(1);
        (await world.TokenAsync()).Version.ShouldBe(1);
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
    }

    [Fact]
    public async Task That_an_answer_waits_is_told_once_and_so_is_its_end()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        await RefreshAsync(world, failedSaves: 3);

        world.Events.Where(line => line.Id is Away or Taken).ShouldBe(
        [
            (LogLevel.Warning, Away, "The database does not accept the token jibit (SocketException); it is kept, and saved as soon as the database is back"),
            (LogLevel.Information, Taken, "The database has saved the token jibit that it did not accept before"),
        ]);
    }

    [Fact]
    public async Task The_answer_lies_sealed_on_disk_until_it_is_saved()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        List<string> kept = [];
        clock.OnWait = wait =>
        {
            kept.AddRange(Kept(world).Select(File.ReadAllText));
            clock.Advance(wait);
        };

        await RefreshAsync(world, failedSaves: 1);

        var answer = kept.ShouldHaveSingleItem();
        answer.ShouldContain("\"jibit\"");
        answer.ShouldNotContain("access-of-jibit");
        answer.ShouldNotContain("refresh-of-jibit");
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_stop_meanwhile_leaves_the_answer_on_disk_from_where_the_next_start_saves_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        clock.OnWait = _ => end!.Begin();

        await Should.ThrowAsync<OperationCanceledException>(() => RefreshAsync(world, failedSaves: 1));

        (await world.TokenAsync()).Version.ShouldBe(0);
        Kept(world).ShouldHaveSingleItem();
        (await ReplayAsync(world)).ShouldBe(1);
        var token = await world.TokenAsync();
        (token.Version, token.LeaseOwner, token.LeaseUntil).ShouldBe((1, null, null));
        var row = (await world.LogAsync()).ShouldHaveSingleItem();
        row.Status.ShouldBe(AttemptStatus.Success);
        row.DurationMs.ShouldNotBeNull();
        row.NewExpiresAt.ShouldBe(token.ExpiresAt);
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_limit_of_its_job_does_not_end_the_waiting_to_save_an_answer()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        using var limit = new CancellationTokenSource();
        clock.OnWait = wait =>
        {
            limit.Cancel();
            clock.Advance(wait);
        };

        (await RefreshAsync(world, failedSaves: 3, cancellationToken: limit.Token)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        (await world.TokenAsync()).Version.ShouldBe(1);
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_answer_that_was_overtaken_on_disk_is_dropped_with_its_lease_and_its_attempt_closed()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        clock.OnWait = _ => end!.Begin();
        await Should.ThrowAsync<OperationCanceledException>(() => RefreshAsync(world, failedSaves: 1));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("imported", null, Some.Now.AddHours(5)), "a person", CancellationToken.None);

        (await ReplayAsync(world)).ShouldBe(0);

        var token = await world.TokenAsync();
        (token.ExpiresAt, token.LeaseOwner, token.LeaseUntil).ShouldBe((Some.Now.AddHours(5), null, null));
        var row = (await world.LogAsync()).Single(row => row.TriggeredBy == "a test");
        (row.Status, row.CompletedAt.HasValue).ShouldBe((AttemptStatus.Skipped, true));
    }

    [Fact]
    public async Task An_answer_whose_row_was_lost_and_written_anew_as_overtaken_stays_so_when_it_is_saved_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        clock.OnWait = _ => end!.Begin();
        await Should.ThrowAsync<OperationCanceledException>(() => RefreshAsync(world, failedSaves: 1));
        var file = Kept(world).ShouldHaveSingleItem();
        var answer = await File.ReadAllTextAsync(file);
        await world.ExecuteAsync("DELETE FROM token_refresh_logs");
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("imported", null, Some.Now.AddHours(5)), "a person", CancellationToken.None);
        (await ReplayAsync(world)).ShouldBe(0);

        await File.WriteAllTextAsync(file, answer);
        (await ReplayAsync(world)).ShouldBe(0);

        (await world.TokenAsync()).ExpiresAt.ShouldBe(Some.Now.AddHours(5));
    }

    [Fact]
    public async Task An_answer_on_disk_is_newer_than_what_a_paused_node_has_saved_of_an_earlier_attempt()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        clock.OnWait = _ => end!.Begin();
        await Should.ThrowAsync<OperationCanceledException>(() => RefreshAsync(world, failedSaves: 1));
        await world.ExecuteAsync("UPDATE tokens SET version = version + 1, access_token = 'older', expires_at = now()");

        (await ReplayAsync(world)).ShouldBe(1);

        var token = await world.TokenAsync();
        (token.Version, token.AccessToken == "older").ShouldBe((2, false));
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
    }

    [Fact]
    public async Task A_file_that_says_nothing_keeps_no_other_from_being_saved()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        clock.OnWait = _ => end!.Begin();
        await Should.ThrowAsync<OperationCanceledException>(() => RefreshAsync(world, failedSaves: 1));
        var empty = Path.Combine(world.UnsavedFolder, "a-1.json");
        await File.WriteAllTextAsync(empty, "");

        (await ReplayAsync(world)).ShouldBe(1);

        Kept(world).ShouldBe([empty]);
        world.Events.ShouldContain(line => line.Level == LogLevel.Error && line.Text.StartsWith(empty, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_save_that_loses_at_a_deadlock_is_made_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(
            """
            CREATE SEQUENCE saves;
            CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('saves') = 1 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER deadlock BEFORE UPDATE ON tokens FOR EACH ROW WHEN (NEW.version > OLD.version) EXECUTE FUNCTION deadlock();
            """);

        (await RefreshAsync(world, failedSaves: 0)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        clock.Waits.ShouldBe([TimeSpan.FromSeconds(0.5)]);
        (await world.TokenAsync()).Version.ShouldBe(1);
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_mistake_at_the_save_leaves_the_answer_on_disk()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync("ALTER TABLE tokens ADD CONSTRAINT ours CHECK (version < 1)");

        await Should.ThrowAsync<PostgresException>(() => RefreshAsync(world, failedSaves: 0));
        await world.ExecuteAsync("ALTER TABLE tokens DROP CONSTRAINT ours");

        (await ReplayAsync(world)).ShouldBe(1);
        (await world.TokenAsync()).Version.ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_is_sealed_without_asking_the_database_right_after_the_keys_were_read()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Node.GetRequiredService<KeyRing>().Reload();
        await world.ExecuteAsync("ALTER TABLE data_protection_keys RENAME TO keys_away");

        world.Node.GetRequiredService<SecretProtection>().SealAccess("jibit", "a token").ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_database_that_goes_away_while_a_conflict_is_looked_into_costs_no_answer()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var looks = new RefreshStatements(command => command.CommandText.Contains("SELECT * FROM tokens WHERE name", StringComparison.Ordinal))
        {
            Before = () => throw new NpgsqlException("Nobody listens.", new SocketException((int)SocketError.ConnectionRefused)),
        };
        var node = world.AddNode("node-2", shape: services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(looks));
        });
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another'");
            return null;
        };

        var outcome = await node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Due, "a test"), CancellationToken.None);

        clock.Waits.ShouldBe([TimeSpan.FromSeconds(0.5)]);
        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await world.TokenAsync()).Version.ShouldBe(1);
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_failure_waits_in_the_same_way_and_leaves_nothing_on_disk()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var kept = 0;
        clock.OnWait = wait =>
        {
            kept += Kept(world).Length;
            clock.Advance(wait);
        };

        var outcome = await RefreshAsync(world, failedSaves: 2, answer: new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503")));

        clock.Waits.ShouldBe([TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1)]);
        kept.ShouldBe(0);
        outcome.ShouldBeOfType<RefreshOutcome.Failed>();
        (await world.TokenAsync()).LastErrorCode.ShouldBe("provider_down");
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Failed);
    }

    [Fact]
    public async Task A_stop_while_a_failure_waits_leaves_its_attempt_open_for_the_next_one_to_close()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        clock.OnWait = _ => end!.Begin();

        await Should.ThrowAsync<OperationCanceledException>(
            () => RefreshAsync(world, failedSaves: 1, new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503"))));

        Kept(world).ShouldBeEmpty();
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Running);
    }

    private static Task<int> ReplayAsync(TokenWorld world) => world.AddNode("node-3").GetRequiredService<UnsavedTokenSpool>().ReplayAsync(CancellationToken.None);

    private static string[] Kept(TokenWorld world) => Directory.GetFiles(world.UnsavedFolder, "*.json");

    // On a node of its own, whose database goes away with the provider's answer.
    private Task<RefreshOutcome> RefreshAsync(TokenWorld world, int failedSaves, ProviderResult? answer = null, CancellationToken cancellationToken = default)
    {
        var node = world.AddNode("node-2", shape: services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(database));
        });
        world.Provider.Before = (_, _) =>
        {
            database.Saves = failedSaves;
            return Task.FromResult(answer);
        };
        end = node.GetRequiredService<ShutdownSignal>();
        return node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Due, "a test"), cancellationToken);
    }
}
