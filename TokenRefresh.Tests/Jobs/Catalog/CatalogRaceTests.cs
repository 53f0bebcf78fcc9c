using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Catalog;

/// <summary>Two nodes change the same things at the same time.</summary>
public sealed class CatalogRaceTests(PostgresFixture postgres)
{
    private const int Rounds = 20;

    [Fact]
    public async Task Of_two_changes_of_one_version_of_a_token_one_is_stored_and_one_refused()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var one = await catalog.NodeAsync();
        await one.AddProviderAsync();
        var other = await catalog.NodeAsync();
        await one.AddTokenAsync();
        for (var round = 1; round <= Rounds; round++)
        {
            var tag = await one.TokenTagAsync();

            var results = await Task.WhenAll(one.ChangeTokenAsync(2 * round, tag), other.ChangeTokenAsync((2 * round) + 1, tag));

            results.OfType<CatalogResult.Done>().ShouldHaveSingleItem().IsChanged.ShouldBeTrue();
            results.OfType<CatalogResult.Refused>().ShouldHaveSingleItem().Why.ShouldBe(CatalogRefusal.Stale);
            (await one.TokenNumberAsync()).ShouldBe((2 * round) + Array.FindIndex(results, result => result is CatalogResult.Done));
        }
    }

    [Fact]
    public async Task Of_a_change_and_a_removal_of_one_version_of_a_token_one_is_stored()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var one = await catalog.NodeAsync();
        await one.AddProviderAsync();
        var other = await catalog.NodeAsync();
        for (var round = 1; round <= Rounds; round++)
        {
            await one.AddTokenAsync();
            var tag = await one.TokenTagAsync();

            var results = await Task.WhenAll(one.ChangeTokenAsync(round, tag), other.RemoveTokenAsync(tag));

            results.OfType<CatalogResult.Done>().ShouldHaveSingleItem();
            (await one.TokenNumberAsync()).ShouldBe(results[0] is CatalogResult.Done ? round : null);
            await one.RemoveTokenAsync();
        }
    }

    [Fact]
    public async Task Of_two_changes_of_one_version_of_a_provider_one_is_stored_and_one_refused()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var one = await catalog.NodeAsync();
        await one.AddProviderAsync();
        var other = await catalog.NodeAsync();
        for (var round = 1; round <= Rounds; round++)
        {
            var tag = $"{round}";

            var results = await Task.WhenAll(one.ChangeProviderAsync(2 * round, tag), other.ChangeProviderAsync((2 * round) + 1, tag));

            results.OfType<CatalogResult.Done>().ShouldHaveSingleItem();
            results.OfType<CatalogResult.Refused>().ShouldHaveSingleItem().Why.ShouldBe(CatalogRefusal.Stale);
            (await one.ProviderNumberAsync()).ShouldBe((2 * round) + Array.FindIndex(results, result => result is CatalogResult.Done));
        }
    }

    [Fact]
    public async Task A_token_is_never_added_to_a_provider_that_is_removed_at_the_same_time()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var (one, other) = (await catalog.NodeAsync(), await catalog.NodeAsync());
        for (var round = 1; round <= Rounds; round++)
        {
            await one.AddProviderAsync(round);
            await other.Services.GetRequiredService<LiveCatalog>().ReloadAsync(CancellationToken.None);

            var results = await Task.WhenAll(other.AddTokenAsync(round), one.RemoveProviderAsync());

            results.OfType<CatalogResult.Done>().ShouldHaveSingleItem();
            await using var connection = new NpgsqlConnection(catalog.World.ConnectionString);
            await connection.OpenAsync();
            await using var orphans = new NpgsqlCommand("SELECT count(*) FROM tokens WHERE provider NOT IN (SELECT name FROM providers)", connection);
            (await orphans.ExecuteScalarAsync()).ShouldBe(0L);
            await one.RemoveTokenAsync();
            await one.RemoveProviderAsync();
        }
    }
}
