using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Health;

public sealed class TokenOverviewTests(PostgresFixture postgres)
{
    private const int Many = 2 * TokenOverview.MostListed;

    [Fact]
    public async Task Of_very_many_tokens_the_most_urgent_are_listed_and_all_are_counted()
    {
        await using var world = await ManyAsync();
        var overview = world.Node.GetRequiredService<TokenOverview>();

        var picture = await overview.ReadAsync(null, CancellationToken.None);

        picture.Listed.Count.ShouldBe(TokenOverview.MostListed);
        picture.Listed.Take(30).Select(token => token.State).ShouldAllBe(state => state == TokenState.Expired);
        picture.Listed.Skip(30).Take(10).Select(token => token.State).ShouldAllBe(state => state == TokenState.ActionRequired);
        picture.Listed.Skip(40).ShouldAllBe(token => token.State == TokenState.Healthy);
        picture.Counts.States.ShouldBe([(TokenState.Expired, 30), (TokenState.ActionRequired, 10), (TokenState.Healthy, Many - 40)]);
        (picture.Counts.Total, picture.Counts.Valid, picture.Counts.Unwell, picture.Counts.Counted, picture.Counts.CountedWell).ShouldBe((Many, Many - 30, 40, Many, Many - 40));
    }

    [Fact]
    public async Task Those_that_need_attention_are_found_however_many_are_listed()
    {
        await using var world = await ManyAsync();
        await world.ExecuteAsync("UPDATE tokens SET paused_at = now() WHERE name IN ('t-00005', 't-00400')");
        var overview = world.Node.GetRequiredService<TokenOverview>();
        await using var db = await world.ContextAsync();

        var unwell = await overview.PageAsync(new(1000) { IsUnwell = true }, CancellationToken.None);

        var all = await overview.FindAsync(await db.Tokens.Select(token => token.Name).ToListAsync(CancellationToken.None), CancellationToken.None);
        unwell.Count.ShouldBe(40);
        unwell.Select(token => token.Name).ShouldBe(all.Where(token => !token.IsWell).Select(token => token.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_is_counted_of_very_many_is_what_the_tokens_themselves_add_up_to()
    {
        await using var world = await ManyAsync();
        var overview = world.Node.GetRequiredService<TokenOverview>();
        await using var db = await world.ContextAsync();
        var names = await db.Tokens.Select(token => token.Name).ToListAsync(CancellationToken.None);

        var counts = (await overview.ReadAsync(null, CancellationToken.None)).Counts;

        counts.Alike.OrderBy(alike => alike.State).ShouldBe(TokenCounts.Of(await overview.FindAsync(names, CancellationToken.None)).Alike.OrderBy(alike => alike.State));
    }

    [Fact]
    public async Task Those_of_a_pattern_are_listed_and_counted_by_themselves()
    {
        await using var world = await ManyAsync();
        var overview = world.Node.GetRequiredService<TokenOverview>();

        var few = await overview.ReadAsync(new(Patterns: new("t-0002*,t-00100")), CancellationToken.None);
        var many = await overview.ReadAsync(new(Patterns: new("t-*")), CancellationToken.None);

        few.Listed.Select(token => token.Name).Order(StringComparer.Ordinal).ShouldBe([.. Enumerable.Range(20, 10).Select(number => $"t-{number:00000}"), "t-00100"]);
        few.Counts.States.ShouldBe([(TokenState.Expired, 10), (TokenState.Healthy, 1)]);
        many.Counts.Total.ShouldBe(Many - 1);
    }

    [Fact]
    public async Task Pages_follow_one_another_by_name_until_all_were_seen_once()
    {
        await using var world = await ManyAsync();
        var overview = world.Node.GetRequiredService<TokenOverview>();
        var seen = new List<string>();

        for (string? after = null; ; after = seen[^1])
        {
            var page = await overview.PageAsync(new(150) { After = after }, CancellationToken.None);
            if (page.Count == 0)
            {
                break;
            }

            seen.AddRange(page.Select(token => token.Name));
        }

        seen.Count.ShouldBe(Many);
        seen.ShouldBe(seen.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(null, TokenState.Expired, null, null, 30)]
    [InlineData("jibit", TokenState.ActionRequired, null, null, 10)]
    [InlineData(null, TokenState.Healthy, "T-0010", null, 10)]
    [InlineData(null, null, "ORDERS", null, 1)]
    [InlineData(null, null, "a_b", null, 0)]
    [InlineData(null, null, null, "team=billing", 2)]
    [InlineData("other", null, null, null, 0)]
    public async Task A_page_holds_what_fits_its_filter(string? provider, TokenState? state, string? text, string? label, int expected)
    {
        await using var world = await ManyAsync();
        await world.ExecuteAsync("""UPDATE tokens SET labels = '{{"team":"billing","x":"y"}}' WHERE name IN ('t-00001', 't-00300'); UPDATE tokens SET scopes = '{{orders.read}}' WHERE name = 't-00200'""");

        var found = await world.Node.GetRequiredService<TokenOverview>().PageAsync(
            new(1000) { Provider = provider, State = state, Text = text, Labels = label is null ? null : new Dictionary<string, string> { [label.Split('=')[0]] = label.Split('=')[1] } }, CancellationToken.None);

        found.Count.ShouldBe(expected);
    }

    [Theory]
    [InlineData(RenewedBy.Itself)]
    [InlineData(RenewedBy.RefreshToken)]
    [InlineData(RenewedBy.Person)]
    public async Task Who_renews_a_token_is_the_same_for_the_database(RenewedBy by)
    {
        await using var world = await ManyAsync();
        await world.ExecuteAsync(
            """
            UPDATE tokens SET "grant" = 'Imported' WHERE name < 't-00100';
            UPDATE tokens SET refresh_token = NULL WHERE name < 't-00050';
            UPDATE tokens SET refresh_expires_at = now() - interval '100 years' WHERE name BETWEEN 't-00060' AND 't-00069'
            """);
        var overview = world.Node.GetRequiredService<TokenOverview>();

        var found = await overview.PageAsync(new(1000) { By = by }, CancellationToken.None);

        found.ShouldNotBeEmpty();
        found.ShouldAllBe(token => token.RenewedBy == by);
        var all = await overview.PageAsync(new(1000), CancellationToken.None);
        found.Count.ShouldBe(all.Count(token => token.RenewedBy == by));
    }

    [Fact]
    public async Task A_token_that_the_settings_do_not_declare_any_more_is_neither_listed_nor_counted_nor_found()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await world.ExecuteAsync("UPDATE tokens SET origin = 'undeclared'");
        var overview = world.Node.GetRequiredService<TokenOverview>();

        (await overview.ReadAsync(null, CancellationToken.None)).Counts.Total.ShouldBe(0);
        (await overview.FindAsync(["jibit"], CancellationToken.None)).ShouldBeEmpty();
        (await overview.PageAsync(new(10), CancellationToken.None)).ShouldBeEmpty();
        (await world.Node.GetRequiredService<TokenFinder>().NamesAsync(new(), 10, CancellationToken.None)).ShouldBeEmpty();
    }

    // Thirty expired ones, ten that need a person, the rest healthy.
    private async Task<TokenWorld> ManyAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await world.ExecuteAsync(
            $$"""
              INSERT INTO tokens
              SELECT made.*
              FROM (SELECT tokens AS token FROM tokens WHERE name = 'jibit') AS base
              CROSS JOIN generate_series(1, {{Many - 1}}) AS number
              CROSS JOIN LATERAL jsonb_populate_record(base.token, jsonb_build_object(
                  'name', 't-' || lpad(number::text, 5, '0'), 'origin', 'managed',
                  'expires_at', CASE WHEN number <= 30 THEN (base.token).issued_at - interval '1 hour' ELSE (base.token).expires_at END,
                  'last_error_code', CASE WHEN number BETWEEN 31 AND 40 THEN 'credential_rejected' END)) AS made
              """.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
        return world;
    }
}
