using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Caching;

/// <summary>Which tokens a node holds in memory, and how it serves the others.</summary>
public sealed class HeldTokensTests(PostgresFixture postgres)
{
    private const int Size = 20, Many = 200;

    [Fact]
    public async Task Up_to_the_size_those_are_held_that_were_read_last_and_they_are_served_while_the_database_is_away()
    {
        await using var world = await ManyAsync();
        await world.ExecuteAsync("UPDATE tokens SET last_used_at = now() WHERE name IN ('t-00150', 't-00151')");
        var cache = ObtainedWorld.Vault(world);
        await cache.ReloadAsync(CancellationToken.None);

        await world.ExecuteAsync("ALTER TABLE tokens RENAME TO tokens_away");

        (await ServedAsync(cache, "t-00150")).ShouldBeTrue();
        (await ServedAsync(cache, "t-00151")).ShouldBeTrue();
        cache.Lives.Count().ShouldBe(Size);
    }

    [Fact]
    public async Task A_token_that_is_not_held_is_read_when_it_is_first_asked_for_and_held_from_then_on()
    {
        await using var world = await ManyAsync();
        var cache = ObtainedWorld.Vault(world);
        await cache.ReloadAsync(CancellationToken.None);

        (await ServedAsync(cache, "t-00199")).ShouldBeTrue();
        await world.ExecuteAsync("ALTER TABLE tokens RENAME TO tokens_away");

        (await ServedAsync(cache, "t-00199")).ShouldBeTrue();
    }

    [Theory]
    [InlineData("t-09999")]
    [InlineData("T-00001")]
    [InlineData("t-00001'; --")]
    [InlineData("")]
    public async Task A_name_of_no_token_is_answered_as_such(string name)
    {
        await using var world = await ManyAsync();

        (await ObtainedWorld.Vault(world).ReadAsync(name, TimeSpan.Zero, CancellationToken.None)).ShouldBeNull();
        (await ObtainedWorld.Vault(world).RejectAsync(name, 1, "a program")).ShouldBeFalse();
    }

    [Fact]
    public async Task Those_that_were_read_longest_ago_go_once_a_day_has_passed_and_no_sooner()
    {
        await using var world = await ManyAsync();
        var cache = ObtainedWorld.Vault(world);
        await cache.ReloadAsync(CancellationToken.None);
        foreach (var number in Enumerable.Range(100, 50))
        {
            await ServedAsync(cache, $"t-{number:00000}");
        }

        var held = cache.Lives.Count();
        world.Clock.Advance(TimeSpan.FromHours(25));
        foreach (var number in Enumerable.Range(150, 50))
        {
            await ServedAsync(cache, $"t-{number:00000}");
        }

        held.ShouldBeGreaterThanOrEqualTo(50);
        cache.Lives.Count().ShouldBeLessThan(held + 50);
        cache.Lives.Select(life => life.Token).ShouldContain("t-00199");
        cache.Lives.Select(life => life.Token).ShouldNotContain("t-00100");
    }

    [Fact]
    public async Task A_token_that_was_removed_is_served_no_more_as_soon_as_the_node_hears_of_it()
    {
        await using var world = await ManyAsync();
        var cache = ObtainedWorld.Vault(world);
        await ServedAsync(cache, "t-00199");
        await world.ExecuteAsync("DELETE FROM tokens WHERE name = 't-00199'; INSERT INTO removed_tokens VALUES ('t-00199', 1, now())");

        await cache.ReloadAsync(["t-00199"], CancellationToken.None);

        (await cache.ReadAsync("t-00199", TimeSpan.Zero, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task A_report_of_a_token_that_is_not_held_renews_it()
    {
        await using var world = await ManyAsync();
        var cache = ObtainedWorld.Vault(world);

        (await cache.RejectAsync("t-00199", 1, "a program")).ShouldBeTrue();
        await cache.DrainAsync();

        (await world.TokenAsync("t-00199")).Version.ShouldBe(2);
    }

    private static async Task<bool> ServedAsync(TokenCache cache, string name) => (await cache.ReadAsync(name, TimeSpan.Zero, CancellationToken.None))?.IsServed == true;

    // The same token under many names, as a token of each name would be.
    private async Task<TokenWorld> ManyAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres, ("TokenRefresh:Performance:CacheSize", $"{Size}"));
        world.Provider.Life = TimeSpan.FromDays(10);
        await world.RefreshAsync();
        var secrets = world.Node.GetRequiredService<TokenRefresh.Jobs.Persistence.SecretProtection>();
        await using var db = await world.ContextAsync();
        foreach (var number in Enumerable.Range(0, Many))
        {
            var (name, access) = ($"t-{number:00000}", secrets.SealAccess($"t-{number:00000}", $"access-{number}"));
            await Microsoft.EntityFrameworkCore.RelationalDatabaseFacadeExtensions.ExecuteSqlAsync(
                db.Database,
                $"""
                 INSERT INTO tokens SELECT made.* FROM (SELECT tokens AS token FROM tokens WHERE name = 'jibit') AS base
                 CROSS JOIN LATERAL jsonb_populate_record(base.token, jsonb_build_object('name', {name}, 'origin', 'managed', 'access_token', {access}, 'refresh_token', NULL)) AS made
                 """, CancellationToken.None);
        }

        return world;
    }
}
