using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

/// <summary>What a provider has issued while the database is unreachable is good for calls, wherever it is.</summary>
public sealed class UnsavedTokenTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_reader_who_waits_for_a_token_gets_it_though_it_cannot_be_saved_yet()
    {
        await using var world = await ExpiredAsync();

        var reading = await ReadAsync(world);

        (reading.Entry!.AccessToken, reading.Entry.Version, reading.Code).ShouldBe(("new-access", 2, null));
        (await world.TokenAsync()).Version.ShouldBe(1, "nothing can be saved");
        (await ReadAsync(world)).Entry!.AccessToken.ShouldBe("new-access");
    }

    [Fact]
    public async Task Once_it_is_saved_it_is_the_same_token_under_the_same_version()
    {
        await using var world = await ExpiredAsync();
        await ReadAsync(world);
        await world.EmptyDiskAsync();

        await RunningServer.UntilAsync(
            async () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                return (await world.TokenAsync()).Version == 2;
            },
            "the token is saved");
        await world.Node.GetRequiredService<TokenCache>().ReloadAsync(CancellationToken.None);

        var entry = (await ReadAsync(world)).Entry!;
        (entry.AccessToken, entry.Version).ShouldBe(("new-access", 2));
        entry.Identity.ShouldStartWith("jibit-2-");
        entry.Identity.ShouldNotContain("unsaved");
    }

    [Fact]
    public async Task Another_that_is_stored_first_under_its_version_takes_its_place_and_has_another_tag()
    {
        await using var world = await ExpiredAsync();
        var unsaved = (await ReadAsync(world)).Entry!;
        await world.EmptyDiskAsync();
        var later = world.Clock.GetUtcNow().AddHours(5);

        await world.AddNode("node-2").GetRequiredService<TokenControls>().ImportAsync("jibit", new("by-hand", "by-hand-too", later), "a person", CancellationToken.None);
        await world.Node.GetRequiredService<TokenCache>().ReloadAsync(CancellationToken.None);

        var entry = (await ReadAsync(world)).Entry!;
        (entry.AccessToken, entry.Version).ShouldBe(("by-hand", unsaved.Version));
        entry.Identity.ShouldNotBe(unsaved.Identity);
    }

    private static async Task<TokenReading> ReadAsync(TokenWorld world) =>
        (await world.Node.GetRequiredService<TokenCache>().ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value;

    // A token that has died, and a provider whose next answer finds the disk full.
    private async Task<TokenWorld> ExpiredAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await world.Node.GetRequiredService<TokenCache>().ReloadAsync(CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromDays(3));
        world.Provider.Before = async (_, _) =>
        {
            await world.FillDiskAsync();
            var now = world.Clock.GetUtcNow();
            return new ProviderResult.Issued(new("new-access", "new-refresh", now, now.AddHours(24), null, []), null);
        };
        return world;
    }
}
