using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

public sealed class LostWordTests(PostgresFixture postgres)
{
    /// <summary>The clock counts tenths of a microsecond and the database whole ones, so what is stored looks older than what was saved.</summary>
    [Fact]
    public async Task A_token_whose_save_came_through_without_a_word_of_it_is_not_saved_once_more()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var statements = new RefreshStatements(RefreshStatements.IsSave);
        var node = world.AddNode("node-2", shape: services => services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(statements)));
        world.Clock.Advance(TimeSpan.FromTicks(7));
        world.Provider.Before = (_, _) =>
        {
            statements.After = () => throw new NpgsqlException("The connection is gone.", new SocketException((int)SocketError.ConnectionReset));
            return Task.FromResult<ProviderResult?>(null);
        };

        var refresh = node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Due, "a test"), CancellationToken.None);
        await RunningServer.UntilAsync(
            () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                return Task.FromResult(refresh.IsCompleted);
            },
            "the save is tried again");

        statements.After.ShouldBeNull();
        (await refresh).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(1);
        (await world.TokenAsync()).Version.ShouldBe(1);
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
        Directory.GetFiles(world.UnsavedFolder, "*.json").ShouldBeEmpty();
    }
}
