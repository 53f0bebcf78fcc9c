using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>What is told, and written down, when there is nothing to do or somebody else is at it.</summary>
public sealed class InFlightTests(PostgresFixture postgres)
{
    private const string HeldByAnother = "UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() + interval '1 minute'";

    [Fact]
    public async Task Whoever_finds_a_refresh_in_flight_is_told_who_started_this_tokens_and_when()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:other:Provider", "jibit"));
        await world.RefreshAsync(change: request => request with { TriggeredBy = "somebody earlier" });
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        var calls = new CallsInHand(world.Provider);
        var running = world.RefreshAsync(RefreshTrigger.Forced, change: request => request with { TriggeredBy = "the first" });
        await calls.ArrivedAsync();
        var others = world.RefreshAsync(token: "other", change: request => request with { TriggeredBy = "somebody else" });
        await calls.ArrivedAsync();

        var outcome = await world.RefreshAsync(RefreshTrigger.Manual, change: request => request with { TriggeredBy = "the second" });
        calls.Release();
        await Task.WhenAll(running, others);

        outcome.ShouldBeOfType<RefreshOutcome.InFlight>().Reason.ShouldBe("Another refresh of this token is in flight, started by the first at 2026-03-01 12:05:00Z.");
        var row = (await world.LogAsync()).Single(row => row.TriggeredBy == "the second");
        (row.Status, row.TokenName, row.Message, row.Node).ShouldBe((AttemptStatus.Skipped, "jibit", ((RefreshOutcome.InFlight)outcome).Reason, "node-1"));
    }

    [Fact]
    public async Task A_lease_whose_attempt_is_not_written_yet_is_in_flight_all_the_same()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(HeldByAnother);

        (await world.RefreshAsync()).ShouldBeOfType<RefreshOutcome.InFlight>().Reason.ShouldBe("Another refresh of this token is in flight.");
    }

    [Theory]
    [InlineData(RefreshTrigger.Due, 0)]
    [InlineData(RefreshTrigger.OnDemand, 0)]
    [InlineData(RefreshTrigger.Rejected, 0)]
    [InlineData(RefreshTrigger.Automatic, 1)]
    [InlineData(RefreshTrigger.Manual, 1)]
    [InlineData(RefreshTrigger.Forced, 1)]
    [InlineData(RefreshTrigger.Backup, 1)]
    public async Task Whoever_comes_by_the_thousand_leaves_no_row_of_what_is_in_flight(RefreshTrigger trigger, int rows)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(HeldByAnother);

        await world.RefreshAsync(trigger);

        (await world.LogAsync()).Count.ShouldBe(rows);
    }

    [Fact]
    public async Task A_skip_is_a_look_at_the_token_and_no_attempt_and_gives_the_lease_back()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(1));

        await world.RefreshAsync();

        var token = await world.TokenAsync();
        (token.LastLookedAt, token.LastAttemptAt, token.LeaseOwner, token.LeaseUntil).ShouldBe((Some.Now.AddHours(1), Some.Now, null, null));
    }

    [Fact]
    public async Task A_skip_whose_lease_was_lost_meanwhile_ends_as_in_flight()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var statements = new RefreshStatements(RefreshStatements.IsSave) { Before = () => world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another'") };
        var node = world.AddNode("node-2", shape: services => services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(statements)));

        var outcome = await node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Automatic, "a test"), CancellationToken.None);

        outcome.ShouldBeOfType<RefreshOutcome.InFlight>().Reason.ShouldBe("This node was suspended for so long that another one took over.");
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
    }

    [Fact]
    public async Task A_token_that_there_is_not_any_more_is_skipped_with_those_words()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        (await world.RefreshAsync(token: "gone")).ShouldBeOfType<RefreshOutcome.Skipped>().Reason.ShouldBe("There is no such token any more.");
    }

    /// <summary>Keeps calls at the provider until they are released.</summary>
    private sealed class CallsInHand
    {
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Channel<string> arrived = Channel.CreateUnbounded<string>();

        public CallsInHand(ModelProvider provider) => provider.Before = async (call, _) =>
        {
            arrived.Writer.TryWrite(call);
            await released.Task;
            return null;
        };

        public async Task ArrivedAsync() => await arrived.Reader.ReadAsync();

        public void Release() => released.SetResult();
    }
}
