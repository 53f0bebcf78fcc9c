using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

public sealed class LeaseTests(PostgresFixture postgres)
{
    private const string RanOut = "UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() - interval '1 second'";

    [Fact]
    public async Task A_node_that_was_paused_between_the_lease_and_the_call_does_not_call_once_another_has_taken_over()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var db = await world.ContextAsync();
        var lease = Lease(world);
        await lease.TakeAsync(CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromSeconds(45));
        await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() + interval '40 seconds'");

        (await lease.CoversCallAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_short_pause_before_the_call_extends_the_lease_to_the_end_of_the_call()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var db = await world.ContextAsync();
        var lease = Lease(world);
        await lease.TakeAsync(CancellationToken.None);
        var before = (await world.TokenAsync()).LeaseUntil;
        world.Clock.Advance(TimeSpan.FromSeconds(8));

        (await lease.CoversCallAsync()).ShouldBeTrue();
        (await world.TokenAsync()).LeaseUntil!.Value.ShouldBeGreaterThan(before!.Value);
    }

    [Fact]
    public async Task A_lease_that_is_lost_before_its_attempt_is_written_ends_as_in_flight_without_a_call_or_a_row()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(
            """
            CREATE FUNCTION lose_lease() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              UPDATE tokens SET lease_owner = 'another' WHERE name = NEW.name;
              RETURN NULL;
            END $$;
            CREATE TRIGGER lose_lease AFTER UPDATE ON tokens FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION lose_lease()
            """);
        world.Clock.AutoAdvanceAmount = TimeSpan.FromSeconds(6);

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.InFlight>();
        world.Provider.Calls.ShouldBeEmpty();
        (await world.LogAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_row_that_a_paused_node_opened_after_its_lease_was_lost_is_closed_though_it_died_and_nobody_holds_the_token()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (token_name, provider, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node)
            VALUES ('jibit', 'jibit', 'running', 'forced', 'a person', '', '{{}}', now(), 1, 'dead')
            """);

        await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);

        var row = (await world.LogAsync()).Single();
        (row.Status, row.ErrorCode).ShouldBe((AttemptStatus.Failed, "abandoned"));
    }

    [Fact]
    public async Task A_refresh_that_meets_a_lease_that_has_run_out_takes_back_that_one_alone_and_the_due_check_takes_back_all()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:other:Provider", "jibit"));
        await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'dead', lease_until = clock_timestamp() - interval '1 second'");

        (await world.RefreshAsync()).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await world.TokenAsync("other")).LeaseOwner.ShouldBe("dead");

        await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);
        (await world.TokenAsync("other")).LeaseOwner.ShouldBeNull();
    }

    [Fact]
    public async Task A_row_whose_token_somebody_holds_stays_open()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        AttemptStatus? seen = null;
        world.Provider.Before = async (_, _) =>
        {
            await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);
            seen = (await world.LogAsync()).Single().Status;
            return null;
        };

        await world.RefreshAsync();

        seen.ShouldBe(AttemptStatus.Running);
    }

    [Fact]
    public async Task A_token_whose_first_attempt_was_abandoned_was_tried()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        (DateTimeOffset?, string?) seen = default;
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_until = clock_timestamp() - interval '1 second'");
            await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);
            var token = await world.TokenAsync();
            seen = (token.LastAttemptAt, token.LastErrorCode);
            return null;
        };

        await world.RefreshAsync();

        seen.ShouldBe((Some.Now, "abandoned"));
    }

    [Fact]
    public async Task A_lease_that_is_lost_while_a_skip_is_noted_ends_as_in_flight_and_not_as_a_mistake()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Provider.Calls.Clear();
        var statements = new RefreshStatements(RefreshStatements.IsSave) { Before = () => world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another'") };
        var node = world.AddNode("node-2", shape: services => services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(statements)));

        var outcome = await node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Manual, "a test"), CancellationToken.None);

        outcome.ShouldBeOfType<RefreshOutcome.InFlight>();
        world.Provider.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task After_an_outage_nobody_takes_a_token_over_until_its_holder_had_the_time_to_save()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(RanOut);
        world.Node.GetRequiredService<DatabaseContact>().Lost();
        world.Clock.Advance(TimeSpan.FromSeconds(14));

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.InFlight>();
        (await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None)).ShouldBeEmpty();

        world.Clock.Advance(TimeSpan.FromSeconds(2));
        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();
    }

    [Fact]
    public async Task A_node_that_fails_to_reach_the_database_knows_that_it_was_away()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var contact = world.Node.GetRequiredService<DatabaseContact>();
        contact.IsSteady.ShouldBeTrue();

        await Should.ThrowAsync<Npgsql.PostgresException>(() => world.ExecuteAsync("SELECT pg_terminate_backend(pg_backend_pid())"));

        contact.IsSteady.ShouldBeFalse();
    }

    [Fact]
    public async Task A_lease_lasts_for_the_providers_time_out_and_ten_seconds_to_save()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var db = await world.ContextAsync();
        var span = TimeSpan.FromSeconds(40);
        var before = await NowAsync(db);

        await Lease(world).TakeAsync(CancellationToken.None);

        (await world.TokenAsync()).LeaseUntil!.Value.ShouldBeInRange(before + span, await NowAsync(db) + span);
    }

    [Fact]
    public async Task Nobody_else_takes_it_before_it_has_run_out()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var db = await world.ContextAsync();
        await Lease(world).TakeAsync(CancellationToken.None);
        var other = Lease(world, "node-2/1");

        (await other.TakeAsync(CancellationToken.None)).ShouldBeNull();
        await world.ExecuteAsync("UPDATE tokens SET lease_until = clock_timestamp() - interval '1 second'");
        (await other.TakeAsync(CancellationToken.None)).ShouldNotBeNull().LeaseOwner.ShouldBe("node-2/1");
    }

    [Fact]
    public async Task A_call_that_begins_within_five_seconds_needs_no_longer_lease()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var db = await world.ContextAsync();
        var lease = Lease(world);
        await lease.TakeAsync(CancellationToken.None);
        var before = (await world.TokenAsync()).LeaseUntil;
        world.Clock.Advance(TimeSpan.FromSeconds(5));

        (await lease.CoversCallAsync()).ShouldBeTrue();
        (await world.TokenAsync()).LeaseUntil.ShouldBe(before);
    }

    // Leases run by the database's clock.
    private static Task<DateTimeOffset> NowAsync(TokenRefreshDbContext db) =>
        db.Database.SqlQuery<DateTimeOffset>($"""SELECT clock_timestamp() AS "Value" """).SingleAsync();

    private static Lease Lease(TokenWorld world, string owner = "node-1/1") =>
        new(
            world.Node.GetRequiredService<IRefreshWrites>(), world.Node.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>(), "jibit", owner, TimeSpan.FromSeconds(30),
            world.Node.GetRequiredService<DatabaseContact>(), world.Clock);
}
