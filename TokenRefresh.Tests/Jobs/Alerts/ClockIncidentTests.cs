using Shouldly;
using TokenRefresh.Jobs.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class ClockIncidentTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(70, "1 h 10 min ahead of")]
    [InlineData(-10, "10 min behind")]
    public async Task A_clock_that_differs_from_a_provider_s_is_told_once_and_so_is_that_it_agrees_again(int minutes, string words)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await IssueAsync(world, TimeSpan.FromMinutes(minutes));

        await world.PassAsync(TimeSpan.FromHours(8), TimeSpan.FromMinutes(5));

        var told = (await world.OutboxAsync()).Where(row => row.Subject.Contains("clock", StringComparison.OrdinalIgnoreCase)).ShouldHaveSingleItem();
        told.Subject.ShouldContain("CLOCKS DIFFER");
        told.Text.ShouldContain($"{words} the clock of jibit");
        world.Tokens.Node.GetRequiredService<ClockDifferences>().Named.ShouldHaveSingleItem().Other.ShouldBe("jibit");

        await IssueAsync(world, TimeSpan.Zero);
        await world.PassAsync(TimeSpan.FromMinutes(2));

        (await world.OutboxAsync()).Where(row => row.Text.Contains("The clocks agree again", StringComparison.Ordinal)).ShouldHaveSingleItem();
        world.Tokens.Node.GetRequiredService<ClockDifferences>().Named.ShouldBeEmpty();
    }

    [Fact]
    public async Task Less_than_a_minute_is_told_to_nobody()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await IssueAsync(world, TimeSpan.FromSeconds(59));

        await world.PassAsync(TimeSpan.FromMinutes(5));

        (await world.OutboxAsync()).ShouldBeEmpty();
    }

    private static async Task IssueAsync(AlertWorld world, TimeSpan ahead)
    {
        var now = world.Tokens.Clock.GetUtcNow();
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(
            new ProviderResult.Issued(new("access-of-another-clock", "refresh", now, now.AddDays(1), null, []), null) { Clock = new(ahead, TimeSpan.FromSeconds(0.5)) });
        await world.SucceedAsync("jibit");
    }
}
