using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>The database goes back in time while the provider is being asked: the attempt's row and its lease are gone.</summary>
public sealed class LostAttemptTests(PostgresFixture postgres)
{
    private const string LoseAttempt = "DELETE FROM token_refresh_logs WHERE status = 'running'; UPDATE tokens SET lease_owner = NULL, lease_until = NULL;";

    [Fact]
    public async Task A_lost_row_is_written_anew_and_the_token_is_saved()
    {
        await using var world = await WorldAsync(LoseAttempt);

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        (await world.TokenAsync()).Version.ShouldBe(2);
        var row = (await world.LogAsync()).Last();
        (row.Status, row.TriggerType, row.TriggeredBy, row.Node).ShouldBe((AttemptStatus.Success, RefreshTrigger.Forced, "a test", "node-1"));
        row.Message.ShouldEndWith("The database had lost this row; it was written again.");
        (await world.LogAsync()).Count.ShouldBe(2);
        Directory.GetFiles(world.UnsavedFolder, "*.json").ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_attempt_that_was_given_its_number_keeps_its_row()
    {
        await using var world = await WorldAsync(
            LoseAttempt +
            """
            INSERT INTO token_refresh_logs (id, provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node)
            OVERRIDING SYSTEM VALUE VALUES (2, 'jibit', 'other', 'running', 'due', 'schedule', 'Due.', jsonb_build_object(), now(), 1, 'another');
            SELECT setval(pg_get_serial_sequence('token_refresh_logs', 'id'), 2);
            """);

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        var log = await world.LogAsync();
        log.Select(row => (row.Id, row.TokenName, row.Status)).ShouldBe([(1, "jibit", AttemptStatus.Success), (2, "other", AttemptStatus.Running), (3, "jibit", AttemptStatus.Success)]);
    }

    [Fact]
    public async Task A_failure_whose_row_is_lost_is_written_anew()
    {
        await using var world = await WorldAsync(LoseAttempt, new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503")));

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Failed>();

        var row = (await world.LogAsync()).Last();
        (row.Status, row.ErrorCode).ShouldBe((AttemptStatus.Failed, "provider_down"));
        (await world.LogAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_answer_to_a_version_that_is_lost_too_is_saved_past_every_version_that_was_known()
    {
        await using var world = await WorldAsync(LoseAttempt + "UPDATE tokens SET version = 0, access_token = 'older', issued_at = issued_at - interval '1 day';");

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(1001);

        (await world.TokenAsync()).AccessToken.ShouldNotBe("older");
    }

    [Fact]
    public async Task A_token_whose_row_is_lost_altogether_gets_it_back_with_the_answer()
    {
        await using var world = await WorldAsync(LoseAttempt + "DELETE FROM tokens;");

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        var token = await world.TokenAsync();
        (token.Provider, token.IsActive, token.RefreshToken is null).ShouldBe(("jibit", true, false));
    }

    [Fact]
    public async Task A_node_that_is_back_takes_up_again_what_is_in_flight_before_another_can()
    {
        await using var world = await WorldAsync(LoseAttempt);
        RefreshOutcome? other = null;
        var lose = world.Provider.Before;
        world.Provider.Before = async (call, order) =>
        {
            var answer = await lose(call, order);
            await world.Node.GetRequiredService<DatabaseReturn>().RunAsync(wasCut: true, CancellationToken.None);
            other = await world.AddNode("node-2", shape: services => services.AddSingleton<TimeProvider>(new WaitlessClock())).GetRequiredService<TokenRefresher>()
                .RefreshAsync(new("jibit", RefreshTrigger.Forced, "another"), CancellationToken.None);
            return answer;
        };

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        other.ShouldBeOfType<RefreshOutcome.InFlight>();
        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit"]);
        (await world.LogAsync()).Count(row => row is { TriggeredBy: "a test", Status: AttemptStatus.Success }).ShouldBe(2);
        world.LogLines.ShouldContain(line => line.Contains("has lost the running attempt for jibit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_contact_was_lost_no_token_is_leased_for_five_seconds()
    {
        await using var world = await ObtainedAsync();
        world.Node.GetRequiredService<DatabaseContact>().Cut();

        var refresh = world.RefreshAsync(RefreshTrigger.Forced);
        world.Clock.Advance(TimeSpan.FromSeconds(4.9));
        (await Task.WhenAny(refresh, Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System))).ShouldNotBe(refresh);
        await RunningServer.UntilAsync(
            () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(0.2));
                return Task.FromResult(refresh.IsCompleted);
            },
            "the token is leased");

        (await refresh).ShouldBeOfType<RefreshOutcome.Refreshed>();
    }

    [Fact]
    public async Task A_process_that_starts_just_after_the_others_are_back_waits_with_them()
    {
        await using var world = await ObtainedAsync();
        await world.Node.GetRequiredService<DatabaseReturn>().RunAsync(wasCut: true, CancellationToken.None);
        var clock = new WaitlessClock();

        await world.AddNode("a-verb", shape: services => services.AddSingleton<TimeProvider>(clock)).GetRequiredService<TokenRefresher>()
            .RefreshAsync(new("jibit", RefreshTrigger.Forced, "a verb"), CancellationToken.None);

        clock.Waits.ShouldBe([DatabaseContact.Moment + TimeSpan.FromMilliseconds(1)]);
    }

    [Fact]
    public async Task A_full_disk_or_a_slow_query_makes_no_node_wait()
    {
        await using var world = await ObtainedAsync();
        await world.FillDiskAsync();
        await Should.ThrowAsync<Exception>(() => world.ExecuteAsync("UPDATE tokens SET provider = provider"));
        await Should.ThrowAsync<Exception>(() => world.ExecuteAsync("SET statement_timeout = 10; SELECT pg_sleep(5)"));
        await world.EmptyDiskAsync();

        world.Node.GetRequiredService<DatabaseContact>().HoldsBackFor.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public async Task What_a_mistake_kept_from_being_saved_is_saved_while_the_process_runs_and_told_and_counted()
    {
        await using var world = await ObtainedAsync();
        await world.ExecuteAsync("ALTER TABLE tokens ADD CONSTRAINT ours CHECK (version < 2)");
        await Should.ThrowAsync<PostgresException>(() => world.RefreshAsync(RefreshTrigger.Forced));
        using var host = new TokenCacheService(
            world.Node.GetRequiredService<TokenCache>(), world.Node.GetRequiredService<TokenChangeListener>(), world.Node.GetRequiredService<UnsavedTokenSpool>(),
            world.Node.GetRequiredService<ReadCounters>(), world.Node.GetRequiredService<TokenMetrics>(), world.Clock, NullLogger<TokenCacheService>.Instance);
        await host.StartAsync(CancellationToken.None);
        (await RetriedUntilAsync(() => Task.FromResult(Refusals() > 0), "a retry is refused")).ShouldBeTrue();
        await world.ExecuteAsync("ALTER TABLE tokens DROP CONSTRAINT ours");

        await RetriedUntilAsync(async () => (await world.TokenAsync()).Version == 2, "the token is saved");

        await host.StopAsync(CancellationToken.None);
        Refusals().ShouldBe(1, "each trouble is told once");
        world.Events.ShouldContain(line => line.Level == LogLevel.Information && line.Text == "An unsaved token of jibit was saved; version 2 is stored");
        (await world.LogAsync()).ShouldAllBe(row => row.Status == AttemptStatus.Success);

        int Refusals() => world.Events.Count(line => line.Level == LogLevel.Error && line.Text.StartsWith("An unsaved token of jibit is refused by the database", StringComparison.Ordinal));

        async Task<bool> RetriedUntilAsync(Func<Task<bool>> holds, string what)
        {
            await RunningServer.UntilAsync(
                () =>
                {
                    world.Clock.Advance(UnsavedTokenSpool.RetryEvery);
                    return holds();
                },
                what);
            return true;
        }
    }

    private async Task<TokenWorld> ObtainedAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        return world;
    }

    // Version 1 is stored; while the provider is asked for the next one, the database loses what the statements say.
    private async Task<TokenWorld> WorldAsync(string lose, ProviderResult? answer = null)
    {
        var world = await ObtainedAsync();
        var isLost = false;
        world.Provider.Before = async (_, _) =>
        {
            if (!isLost)
            {
                isLost = true;
                await world.ExecuteAsync(lose);
            }

            return answer;
        };
        return world;
    }
}
