using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Attempts;

public sealed class TokenLifetimesTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_life_is_told_as_it_was_stated_and_as_the_log_saw_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(16));
        await world.RefreshAsync(RefreshTrigger.Forced);
        world.Clock.Advance(TimeSpan.FromHours(3));
        await world.RefreshAsync(RefreshTrigger.Rejected, change: request => request with { RejectedVersion = 2 });
        world.Clock.Advance(TimeSpan.FromHours(30));
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(5));

        var lives = await world.Node.GetRequiredService<TokenLifetimes>().OfAsync("jibit", 10, CancellationToken.None);

        lives.Select(life => (life.Stated.TotalHours, life.Seen.TotalHours, life.End)).ShouldBe(
        [
            (24, 5 / 60.0, LifetimeEnd.Living),
            (24, 24, LifetimeEnd.RanOut),
            (24, 3, LifetimeEnd.Refused),
            (24, 16, LifetimeEnd.Replaced),
        ]);
    }

    [Fact]
    public async Task A_refusal_counts_from_the_first_report_though_the_renewal_failed_at_first()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(2));
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.RefreshAsync(RefreshTrigger.Rejected, change: request => request with { RejectedVersion = 1 });
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.RefreshAsync(RefreshTrigger.Forced);

        var lives = await world.Node.GetRequiredService<TokenLifetimes>().OfAsync("jibit", 10, CancellationToken.None);

        (lives[1].Seen, lives[1].End).ShouldBe((TimeSpan.FromHours(2), LifetimeEnd.Refused));
    }

    [Fact]
    public async Task What_failed_or_was_skipped_is_no_life()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.RefreshAsync();

        (await world.Node.GetRequiredService<TokenLifetimes>().OfAsync("jibit", 10, CancellationToken.None)).ShouldBeEmpty();
    }
}
