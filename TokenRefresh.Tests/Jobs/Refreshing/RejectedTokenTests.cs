using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>A program reports that an API refused its token: it is replaced, and its replacement not at once again.</summary>
public sealed class RejectedTokenTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_refused_token_is_replaced_however_new_it_is()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(2);
    }

    [Fact]
    public async Task Its_replacement_is_replaced_too_but_not_a_third_one_within_a_minute()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await RejectAsync(world);
        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(3);
        world.Clock.Advance(TimeSpan.FromSeconds(59));

        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Skipped>().Reason.ShouldBe(RefreshEligibility.RefusedAgain.Reason);
        world.Provider.Calls.Count.ShouldBe(3);
    }

    [Fact]
    public async Task After_a_minute_it_is()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await RejectAsync(world);
        await RejectAsync(world);
        world.Clock.Advance(TimeSpan.FromMinutes(1));

        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(4);
    }

    [Fact]
    public async Task A_minute_after_the_first_report_the_second_one_alone_holds_nobody_up()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await RejectAsync(world);
        world.Clock.Advance(TimeSpan.FromSeconds(30));
        await RejectAsync(world);
        world.Clock.Advance(TimeSpan.FromSeconds(30));

        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(4);
    }

    [Fact]
    public async Task A_person_may_replace_it_at_once_and_what_the_person_got_may_be_replaced_too()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await RejectAsync(world);
        await RejectAsync(world);

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(5);
    }

    [Fact]
    public async Task A_failure_in_between_does_not_make_it_forgotten()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await RejectAsync(world);
        await RejectAsync(world);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.RefreshAsync(RefreshTrigger.Forced);

        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Skipped>().Reason.ShouldBe(RefreshEligibility.RefusedAgain.Reason);
    }

    [Fact]
    public async Task Another_token_that_was_refused_does_not_count()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:other:Provider", "jibit"));
        await world.RefreshAsync();
        await world.RefreshAsync(token: "other");
        await RejectAsync(world, "other");
        await RejectAsync(world, "other");

        (await RejectAsync(world)).ShouldBeOfType<RefreshOutcome.Refreshed>();
    }

    private static async Task<RefreshOutcome> RejectAsync(TokenWorld world, string token = "jibit")
    {
        var version = (await world.TokenAsync(token)).Version;
        return await world.RefreshAsync(RefreshTrigger.Rejected, token, request => request with { RejectedVersion = version });
    }
}
