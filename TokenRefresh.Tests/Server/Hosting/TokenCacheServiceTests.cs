using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Jobs.Caching;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class TokenCacheServiceTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_stop_waits_for_the_answer_to_a_call_that_a_program_has_set_off()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        using var host = Host(world);
        world.Provider.Before = async (_, _) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
            return null;
        };
        (await ObtainedWorld.Vault(world).RejectAsync("jibit", 1, "a program")).ShouldBeTrue();

        await host.StopAsync(CancellationToken.None);

        (await world.TokenAsync()).Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_stop_that_has_waited_long_enough_goes_on_without_the_answer()
    {
        await using var world = await ObtainedWorld.CreateAsync(postgres);
        using var host = Host(world);
        var answer = new TaskCompletionSource();
        world.Provider.Before = async (_, _) =>
        {
            await answer.Task;
            return null;
        };
        (await ObtainedWorld.Vault(world).RejectAsync("jibit", 1, "a program")).ShouldBeTrue();

        await host.StopAsync(new CancellationToken(canceled: true));

        answer.SetResult();
        await ObtainedWorld.Vault(world).DrainAsync();
    }

    private static TokenCacheService Host(TokenWorld world)
    {
        var node = world.Node;
        return new(
            node.GetRequiredService<TokenCache>(), node.GetRequiredService<TokenChangeListener>(), node.GetRequiredService<UnsavedTokenSpool>(), node.GetRequiredService<ReadCounters>(), node.GetRequiredService<TokenMetrics>(),
            world.Clock, NullLogger<TokenCacheService>.Instance);
    }
}
