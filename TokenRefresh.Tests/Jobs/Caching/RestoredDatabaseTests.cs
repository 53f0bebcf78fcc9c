using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

/// <summary>The database goes back in time, as by a failover that lost commits or a restored backup, and a node still holds what was served.</summary>
public sealed class RestoredDatabaseTests(PostgresFixture postgres)
{
    private const string Keep = "DROP TABLE IF EXISTS past; CREATE TABLE past AS TABLE tokens";
    private const string GoBack = "DELETE FROM tokens; INSERT INTO tokens SELECT * FROM past";

    [Fact]
    public async Task The_newer_token_that_a_node_holds_is_saved_back_sealed_past_every_version_that_was_served()
    {
        await using var world = await WentBackAsync();

        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        (await EntryAsync(world.Node)).ShouldSatisfyAllConditions(
            entry => entry.AccessToken.ShouldBe("access-of-jibit-2"),
            entry => entry.Version.ShouldBe(1002));
        var row = await world.TokenAsync();
        (row.Version, row.RestoredFrom).ShouldBe((1002, 2));
        row.AccessToken!.ShouldNotContain("access-of");
        world.Node.GetRequiredService<SecretProtection>().OpenRefresh("jibit", row.RefreshToken).ShouldBe("refresh-of-jibit-2");
        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(1003);
        world.Provider.Reused.ShouldBeEmpty();
    }

    [Fact]
    public async Task It_is_told_in_the_log_and_in_the_audit_once()
    {
        await using var world = await WentBackAsync();

        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        world.Events.Where(line => line.Text.StartsWith("The database went back in time", StringComparison.Ordinal)).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            line => line.Level.ShouldBe(LogLevel.Error),
            line => line.Text.ShouldBe("The database went back in time: jibit was stored as version 2 and is version 1 now. This node saved its newer token as version 1002"));
        await using var db = await world.ContextAsync();
        var entry = await db.Audit.SingleAsync(entry => entry.Action == RestoredTokens.Action);
        (entry.Subject, entry.Actor).ShouldBe(("jibit", "node:node-1"));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1002)]
    public async Task A_report_of_either_version_of_a_token_that_was_saved_back_renews_it(long version)
    {
        await using var world = await WentBackAsync();
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        (await ObtainedWorld.Vault(world).RejectAsync("jibit", version, "client:a")).ShouldBeTrue();

        await RunningServer.UntilAsync(async () => (await world.TokenAsync()).Version == 1003, "the token is renewed");
        world.Provider.Reused.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_report_of_what_is_served_renews_it_also_before_anybody_has_noticed()
    {
        await using var world = await WentBackAsync();

        (await ObtainedWorld.Vault(world).RejectAsync("jibit", 2, "client:a")).ShouldBeTrue();

        await RunningServer.UntilAsync(async () => (await EntryAsync(world.Node)).AccessToken == "access-of-jibit-3", "the token is renewed");
        world.Provider.Reused.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_report_at_a_node_that_only_read_what_was_saved_back_renews_it_too()
    {
        await using var world = await WentBackAsync();
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        var other = world.AddNode("node-2").GetRequiredService<TokenCache>();
        await other.ReloadAsync(CancellationToken.None);

        (await other.RejectAsync("jibit", 2, "client:a")).ShouldBeTrue();

        await RunningServer.UntilAsync(async () => (await world.TokenAsync()).Version == 1003, "the token is renewed");
    }

    [Fact]
    public async Task A_node_that_holds_a_still_newer_token_takes_the_place_of_what_another_has_saved_back()
    {
        await using var world = await WorldAsync();
        var behind = world.AddNode("node-2").GetRequiredService<TokenCache>();
        await behind.ReloadAsync(CancellationToken.None);
        await world.RefreshAsync(RefreshTrigger.Forced);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        await world.ExecuteAsync(GoBack);

        await behind.ReloadAsync(CancellationToken.None);
        (await world.TokenAsync()).Version.ShouldBe(1002);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        await behind.ReloadAsync(CancellationToken.None);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        var row = await world.TokenAsync();
        (row.Version, row.RestoredFrom).ShouldBe((1003, 3));
        var entry = (await behind.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!;
        (entry.AccessToken, entry.Version).ShouldBe(("access-of-jibit-3", 1003));
    }

    [Fact]
    public async Task A_token_that_has_expired_is_saved_back_for_its_refresh_token()
    {
        await using var world = await WentBackAsync();
        world.Clock.Advance(TimeSpan.FromHours(25));

        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        (await world.RefreshAsync()).ShouldBeOfType<RefreshOutcome.Refreshed>();

        world.Provider.Calls.Last().ShouldBe("renew:jibit");
        world.Provider.Reused.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_whose_row_is_gone_altogether_gets_it_back()
    {
        await using var world = await WorldAsync();
        await world.ExecuteAsync("DELETE FROM tokens");

        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        var row = await world.TokenAsync();
        (row.Version, row.Provider, row.IsActive).ShouldBe((1002, "jibit", true));
    }

    [Fact]
    public async Task It_may_happen_again()
    {
        await using var world = await WentBackAsync();
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        await world.ExecuteAsync(GoBack);

        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        var entry = await EntryAsync(world.Node);
        (entry.AccessToken, entry.Version).ShouldBe(("access-of-jibit-2", 2002));
    }

    [Fact]
    public async Task What_was_read_late_is_no_step_back()
    {
        await using var world = await WorldAsync();
        var old = await world.TokenAsync();
        await world.RefreshAsync(RefreshTrigger.Forced);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);

        (await world.Node.GetRequiredService<RestoredTokens>().RepairAsync(new("jibit", old, _ => true), CancellationToken.None)).ShouldBeFalse();

        (await world.TokenAsync()).Version.ShouldBe(3);
    }

    [Fact]
    public async Task An_import_after_a_step_back_gets_a_version_that_no_token_had()
    {
        await using var world = await WentBackAsync();

        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("by-hand", "by-hand-too", world.Clock.GetUtcNow().AddHours(5)), "a person", CancellationToken.None);

        (await world.TokenAsync()).Version.ShouldBe(1002);
    }

    [Fact]
    public async Task Two_tokens_under_one_version_have_two_tags_and_the_tag_is_no_digest_that_can_be_tried()
    {
        await using var world = await WentBackAsync();
        var served = (await EntryAsync(world.Node)).Identity;
        var fresh = world.AddNode("after-a-restart");
        world.Provider.Before = (_, order) => Task.FromResult<TokenRefresh.Providers.ProviderResult?>(new TokenRefresh.Providers.ProviderResult.Issued(
            new("another", null, world.Clock.GetUtcNow(), world.Clock.GetUtcNow().AddHours(24), null, order.Scopes), null));
        await fresh.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Forced, "a test"), CancellationToken.None);
        await fresh.GetRequiredService<TokenCache>().ReloadAsync(CancellationToken.None);

        var other = await EntryAsync(fresh);
        other.Version.ShouldBe(2);
        other.Identity.ShouldNotBe(served);
        served.ShouldMatch("^jibit-2-[0-9a-f]{16}$");
        var otherKey = new SecretProtection(world.Node.GetRequiredService<KeyRing>(), new MasterKey(new byte[MasterKey.Length]));
        served.ShouldNotContain(otherKey.Tag("jibit", "access-of-jibit-2"));
    }

    // Version 2 was served, and version 1 is stored.
    private async Task<TokenWorld> WentBackAsync()
    {
        var world = await WorldAsync();
        await world.ExecuteAsync(GoBack);
        return world;
    }

    // Version 2 is stored and served; version 1 is kept.
    private async Task<TokenWorld> WorldAsync()
    {
        var world = await ObtainedWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Keep);
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        await world.RefreshAsync(RefreshTrigger.Forced);
        await ObtainedWorld.Vault(world).ReloadAsync(CancellationToken.None);
        return world;
    }

    private static async Task<CachedToken> EntryAsync(IServiceProvider node) =>
        (await node.GetRequiredService<TokenCache>().ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))!.Value.Entry!;
}
