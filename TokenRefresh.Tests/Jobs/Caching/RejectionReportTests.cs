using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

public sealed class RejectionReportTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Two_hundred_reports_of_one_version_in_twenty_waves_make_one_call()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        world.Provider.Before = async (_, _) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            return null;
        };

        for (var wave = 0; wave < 20; wave++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(async () => await ObtainedWorld.Vault(world).RejectAsync("jibit", 1, "client:storm"))));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit"]);
        (await world.TokenAsync()).Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_report_renews_a_token_however_young_and_so_does_one_of_its_replacement_but_the_next_has_to_wait_a_minute()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);

        (await ReportAsync(1)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ReportAsync(2)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ReportAsync(3)).ShouldBeOfType<RefreshOutcome.Skipped>();
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        (await ReportAsync(3)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        await world.RefreshAsync(RefreshTrigger.Forced);
        (await ReportAsync(5)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        Task<RefreshOutcome> ReportAsync(long version) => world.RefreshAsync(RefreshTrigger.Rejected, change: request => request with { RejectedVersion = version });
    }

    [Fact]
    public async Task A_report_of_a_version_that_this_node_has_not_heard_of_yet_renews_it()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var deaf = world.AddNode("node-2").GetRequiredService<TokenCache>();
        await deaf.ReloadAsync(CancellationToken.None);
        await world.RefreshAsync(RefreshTrigger.Forced);

        (await deaf.RejectAsync("jibit", 2, "client:quick")).ShouldBeTrue();

        await RunningServer.UntilAsync(async () => (await world.TokenAsync()).Version == 3, "version 2 is renewed", seconds: 30);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(long.MaxValue)]
    public async Task Reports_of_old_future_and_foreign_versions_do_nothing(long version)
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromMinutes(1));

        (await ObtainedWorld.Vault(world).RejectAsync("jibit", version, "client:storm")).ShouldBeTrue();
        (await ObtainedWorld.Vault(world).RejectAsync("unknown", 1, "client:storm")).ShouldBeFalse();

        (await world.Door.RefreshAsync(new("jibit", RefreshTrigger.Rejected, "client:storm") { RejectedVersion = version }, CancellationToken.None)).ShouldBeOfType<RefreshOutcome.Skipped>();
        world.Provider.Calls.Count.ShouldBe(1);
    }
}
