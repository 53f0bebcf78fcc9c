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
