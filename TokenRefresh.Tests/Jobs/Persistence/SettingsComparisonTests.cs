using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Persistence;

public sealed class SettingsComparisonTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Keys_that_differ_that_only_one_has_or_that_are_spelt_otherwise_are_told_apart()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await Of(world, ("Providers:Jibit:ApiKey", "old"), ("Tokens:a:Scopes", "x"), ("Email:Host", "mail"), ("TokenRefresh:Queue:Workers", "5")).LeaveAsync("node-1", isServer: true, CancellationToken.None);

        var others = await Of(world, ("Providers:Jibit:ApiKey", "new"), ("EMAIL:HOST", "mail"), ("TokenRefresh:Queue:Workers", "5"), ("Access:PublicUrl", "https://x")).CompareAsync("node-2", CancellationToken.None);

        var other = others.ShouldHaveSingleItem();
        (other.Name, other.IsServer).ShouldBe(("node-1", true));
        other.Keys.ShouldBe(["Access__PublicUrl", "Providers__Jibit__ApiKey", "Tokens__a__Scopes"]);
    }

    [Fact]
    public async Task Equal_settings_are_not_told_and_neither_are_ones_own()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await Of(world, ("Email:Host", "mail")).LeaveAsync("node-1", isServer: true, CancellationToken.None);

        (await Of(world, ("email:host", "mail")).CompareAsync("node-2", CancellationToken.None)).ShouldBeEmpty();
        (await Of(world, ("Email:Host", "other")).CompareAsync("node-1", CancellationToken.None)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true, "3 minutes", false)]
    [InlineData(true, "1 minute", true)]
    [InlineData(false, "23 hours", true)]
    [InlineData(false, "25 hours", false)]
    public async Task A_server_counts_while_it_lives_and_a_verb_for_a_day(bool isServer, string ago, bool counts)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await Of(world, ("Email:Host", "one")).LeaveAsync("other", isServer, CancellationToken.None);
        await ExecuteAsync(world, $"UPDATE node_settings SET seen_at = clock_timestamp() - interval '{ago}'");

        (await Of(world, ("Email:Host", "two")).CompareAsync("me", CancellationToken.None)).Count.ShouldBe(counts ? 1 : 0);
    }

    [Fact]
    public async Task A_server_that_stays_counts_again_and_what_was_taken_back_does_not()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var (one, two) = (Of(world, ("Email:Host", "one")), Of(world, ("Email:Host", "two")));
        await one.LeaveAsync("other", isServer: true, CancellationToken.None);
        await ExecuteAsync(world, "UPDATE node_settings SET seen_at = clock_timestamp() - interval '1 hour'");

        await one.StayAsync("other", CancellationToken.None);
        (await two.CompareAsync("me", CancellationToken.None)).Count.ShouldBe(1);

        await one.TakeBackAsync("other", CancellationToken.None);
        (await two.CompareAsync("me", CancellationToken.None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_database_holds_no_value_and_no_digest_that_one_could_make_without_the_master_key()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await Of(world, ("Providers:Jibit:SecretKey", "planted-secret")).LeaveAsync("node-1", isServer: true, CancellationToken.None);
        var left = await RowsAsync(world);
        await Of(world, masterKey: 7, ("Providers:Jibit:SecretKey", "planted-secret")).LeaveAsync("node-1", isServer: true, CancellationToken.None);
        var withAnotherKey = await RowsAsync(world);

        left.ShouldContain("Providers:Jibit:SecretKey");
        left.ShouldNotContain("planted");
        withAnotherKey.ShouldNotBe(left);
    }

    [Fact]
    public async Task The_settings_of_the_newer_start_win_and_the_older_node_knows_which_differ_until_it_is_started_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var (older, newer) = (Of(world, ("Providers:Jibit:ApiKey", "planted-old"), ("Email:Host", "one")), Of(world, ("Providers:Jibit:ApiKey", "planted-new"), ("Email:Host", "two")));
        await StartAsync(older, "node-1");
        (await older.NewerAsync(CancellationToken.None)).ShouldBeNull();

        await StartAsync(newer, "node-2");

        var behind = (await older.NewerAsync(CancellationToken.None)).ShouldNotBeNull();
        (behind.Node, string.Join(", ", behind.Keys)).ShouldBe(("node-2", "Providers__Jibit__ApiKey"));
        (await newer.NewerAsync(CancellationToken.None)).ShouldBeNull();

        await newer.TakeBackAsync("node-2", CancellationToken.None);
        (await older.NewerAsync(CancellationToken.None)).ShouldNotBeNull("the rows follow its settings though it has ended").Keys.ShouldBeEmpty();

        await StartAsync(newer, "node-1");
        (await newer.NewerAsync(CancellationToken.None)).ShouldBeNull("started again with the same settings");
        await StartAsync(older, "node-3");
        (await newer.NewerAsync(CancellationToken.None)).ShouldNotBeNull("the newer start wins, whatever it brings").Node.ShouldBe("node-3");
    }

    [Fact]
    public async Task Settings_that_no_row_follows_make_no_node_older()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var one = Of(world, ("Providers:Jibit:ApiKey", "same"), ("Email:Host", "one"));
        await StartAsync(one, "node-1");
        await StartAsync(Of(world, ("Providers:Jibit:ApiKey", "same"), ("Email:Host", "two")), "node-2");

        (await one.NewerAsync(CancellationToken.None)).ShouldBeNull();
    }

    private static async Task StartAsync(SettingsComparison settings, string node)
    {
        await settings.LeaveAsync(node, isServer: true, CancellationToken.None);
        await settings.StartAsync(node, CancellationToken.None);
    }

    private static SettingsComparison Of(TokenWorld world, params (string Key, string Value)[] settings) => Of(world, 1, settings);

    private static SettingsComparison Of(TokenWorld world, byte masterKey, params (string Key, string Value)[] settings) => new(
        world.Node.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>(), new([.. Enumerable.Repeat(masterKey, MasterKey.Length)]),
        new(settings.ToDictionary(pair => pair.Key, pair => pair.Value)));

    private static async Task<string> RowsAsync(TokenWorld world)
    {
        await using var db = NpgsqlDataSource.Create(world.ConnectionString);
        await using var command = db.CreateCommand("SELECT string_agg(concat(name, digest, digests), ' ') FROM node_settings");
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(TokenWorld world, string sql)
    {
        await using var db = NpgsqlDataSource.Create(world.ConnectionString);
        await using var command = db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
