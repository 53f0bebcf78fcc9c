using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>The row changed under a node that was asking the provider: the newest token wins, and a lease that went to somebody else stays theirs.</summary>
public sealed class PausedNodeTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_stale_writer_whose_token_was_replaced_meanwhile_loses()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = async (_, _) =>
        {
            await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("imported", "imported-refresh", Some.Now.AddHours(5)), "a person", CancellationToken.None);
            return null;
        };

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.Skipped>().Reason.ShouldContain("discarded");
        var token = await world.TokenAsync();
        (token.Version, token.ExpiresAt, token.LeaseOwner, token.LeaseUntil).ShouldBe((1, Some.Now.AddHours(5), null, null));
        var row = (await world.LogAsync()).Single(row => row.TriggeredBy == "a test");
        (row.Status, row.Message).ShouldBe((AttemptStatus.Skipped, "Another refresh or an import saved a newer token first; this answer was discarded."));
    }

    [Fact]
    public async Task A_failure_says_nothing_about_a_token_that_was_imported_meanwhile_and_gives_its_lease_back()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = async (_, _) =>
        {
            await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("imported", "imported-refresh", Some.Now.AddHours(5)), "a person", CancellationToken.None);
            return new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503"));
        };

        (await world.RefreshAsync()).ShouldBeOfType<RefreshOutcome.Failed>();

        var token = await world.TokenAsync();
        (token.Version, token.LastErrorCode, token.LeaseOwner, token.LeaseUntil).ShouldBe((1, null, null, null));
    }

    [Fact]
    public async Task A_paused_node_that_lost_its_lease_still_saves_the_token_in_hand_and_leaves_the_new_holder_its_lease()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() + interval '1 minute'");
            return null;
        };

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>();
        var token = await world.TokenAsync();
        (token.Version, token.LeaseOwner).ShouldBe((1, "another"));
        token.LeaseUntil.ShouldNotBeNull();
    }

    [Fact]
    public async Task What_people_and_programs_did_meanwhile_to_a_token_whose_lease_was_lost_stays()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_owner = NULL, lease_until = NULL, last_used_at = '2026-03-01 11:59Z', last_error_code = 'abandoned', last_error = 'abandoned'");
            await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "a person's reason", null, "a person", CancellationToken.None);
            return null;
        };

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>();
        var token = await world.TokenAsync();
        (token.PauseReason, token.PausedAt.HasValue, token.IsActive, token.LastUsedAt).ShouldBe(("a person's reason", true, false, new DateTimeOffset(2026, 3, 1, 11, 59, 0, TimeSpan.Zero)));
        (token.LastErrorCode, token.LastError, token.LastAttemptAt).ShouldBe((null, null, Some.Now));
    }

    /// <param name="hours">After the token before; ours is asked for 17 hours after it, by our clock.</param>
    [Theory]
    [InlineData(1)]
    [InlineData(18)]
    public async Task An_older_answer_that_a_paused_node_saved_meanwhile_does_not_cost_the_newer_one_in_hand_whatever_its_clock_said(int hours)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(17));
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync($"UPDATE tokens SET version = version + 1, access_token = 'older', issued_at = issued_at + interval '{hours} hours'");
            return null;
        };

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(3);
        var token = await world.TokenAsync();
        (token.Version, token.LeaseOwner, token.LeaseUntil, token.IssuedAt).ShouldBe((3, null, null, world.Clock.GetUtcNow()));
    }

    [Fact]
    public async Task A_paused_node_whose_clock_is_ahead_does_not_store_its_answer_over_the_newer_one_of_who_took_over()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(17));
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync(
                """
                UPDATE tokens SET version = version + 1, access_token = 'newer', issued_at = issued_at + interval '16 hours';
                INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node)
                VALUES ('jibit', 'jibit', 'success', 'due', 'schedule', 'Refreshed.', jsonb_build_object(), now(), 1, 'another')
                """);
            return null;
        };

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.Skipped>().Reason.ShouldContain("discarded");
        (await world.TokenAsync()).AccessToken.ShouldBe("newer");
    }

    [Fact]
    public async Task A_failure_of_a_node_that_lost_its_lease_does_not_touch_the_token()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() + interval '1 minute'");
            return new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401"));
        };

        await world.RefreshAsync();

        (await world.TokenAsync()).LastErrorCode.ShouldBeNull();
        (await world.LogAsync()).ShouldHaveSingleItem().ErrorCode.ShouldBe("credential_rejected");
    }

    [Fact]
    public async Task A_node_that_lost_its_lease_while_its_renewal_was_refused_does_not_go_on_to_acquire()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() + interval '1 minute'");
            world.Clock.Advance(TimeSpan.FromSeconds(45));
            return new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401"));
        };

        var outcome = await world.RefreshAsync(RefreshTrigger.Forced);

        outcome.ShouldBeOfType<RefreshOutcome.Failed>().Failure.ShouldBe(new(FailureKind.Abandoned, "This node was suspended for so long that another one took over."));
        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit"]);
        (await world.TokenAsync()).LastErrorCode.ShouldBeNull();
    }
}
