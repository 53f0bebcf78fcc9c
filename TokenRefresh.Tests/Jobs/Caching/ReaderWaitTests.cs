using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

public sealed class ReaderWaitTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_thousand_cold_readers_on_three_nodes_make_one_call()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var vaults = new[] { world.Node, world.AddNode("node-2"), world.AddNode("node-3") }.Select(node => node.GetRequiredService<TokenCache>()).ToArray();
        world.Provider.Before = async (_, _) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            return null;
        };

        var reads = Enumerable.Range(0, 1000).Select(number => vaults[number % 3].ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).AsTask()).ToList();
        var all = Task.WhenAll(reads);
        while (!all.IsCompleted)
        {
            world.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        (await all).ShouldAllBe(reading => reading!.Value.IsServed);
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task One_readers_impatience_does_not_cancel_the_others()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var answer = new TaskCompletionSource();
        world.Provider.Before = async (_, _) =>
        {
            await answer.Task;
            return null;
        };
        using var impatient = new CancellationTokenSource();
        var first = ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, impatient.Token).AsTask();
        var second = ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).AsTask();

        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(first);
        answer.SetResult();

        (await second)!.Value.IsServed.ShouldBeTrue();
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_reader_waits_ten_seconds_at_most_and_then_gets_the_token_that_is_still_valid()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(59));
        var asked = new TaskCompletionSource();
        world.Provider.Before = (_, _) =>
        {
            asked.SetResult();
            return new TaskCompletionSource<ProviderResult?>().Task;
        };

        var reading = ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.FromSeconds(60), CancellationToken.None).AsTask();
        await asked.Task;
        world.Clock.Advance(TimeSpan.FromSeconds(11));

        (await reading)!.Value.ShouldSatisfyAllConditions(
            served => served.IsServed.ShouldBeTrue(),
            served => served.Code.ShouldBe("not_renewed_in_time"));
    }

    [Fact]
    public async Task A_reader_hears_of_the_failure_of_another_nodes_refresh_without_waiting_on()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2").GetRequiredService<TokenCache>();
        await other.ReloadAsync(CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromHours(25));
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        world.Provider.Before = async (call, order) =>
        {
            asked.TrySetResult();
            await answer.Task;
            return await ModelProvider.Failing(FailureKind.ProviderDown)(call, order);
        };
        var refreshing = world.RefreshAsync(RefreshTrigger.Forced);
        await asked.Task;
        var since = world.Clock.GetUtcNow();

        var reading = other.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).AsTask();
        answer.SetResult();
        await refreshing;
        while (!reading.IsCompleted)
        {
            world.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        (await reading)!.Value.Code.ShouldBe("provider_down");
        (world.Clock.GetUtcNow() - since).ShouldBeLessThan(TimeSpan.FromSeconds(9));
    }

    [Fact]
    public async Task Asking_for_more_life_than_the_token_ever_has_does_not_renew_it_at_each_read()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);

        for (var read = 0; read < 5; read++)
        {
            var reading = (await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.FromDays(3), CancellationToken.None))!.Value;
            (reading.IsServed, reading.Code).ShouldBe((true, "never_lives_that_long"));
        }

        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Asking_for_more_life_than_is_left_renews_it_once_though_it_is_not_due()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromHours(10));

        var reading = await ObtainedWorld.Vault(world).ReadAsync("jibit", TimeSpan.FromHours(20), CancellationToken.None);

        reading!.Value.Entry!.Version.ShouldBe(2);
        reading.Value.Code.ShouldBeNull();
    }
}
