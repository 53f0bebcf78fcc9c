using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class TokensPageTests(PostgresFixture postgres, TokensPageTests.ThreeTokens three, TokensPageTests.ManyTokens many) : IClassFixture<TokensPageTests.ThreeTokens>, IClassFixture<TokensPageTests.ManyTokens>
{
    [Theory]
    [InlineData("", "a,b,c")]
    [InlineData("?text=B", "b")]
    [InlineData("?text=nothing", "")]
    [InlineData("?provider=JIBIT", "a,b,c")]
    [InlineData("?provider=other", "")]
    [InlineData("?state=Healthy", "a,c")]
    [InlineData("?state=Paused", "b")]
    [InlineData("?state=99&by=nonsense", "a,b,c")]
    [InlineData("?by=Itself", "a,b,c")]
    [InlineData("?by=Person", "")]
    [InlineData("?state=Healthy&text=c&provider=jibit&by=Itself&sort=Name", "c")]
    [InlineData("?text=%00", "")]
    public async Task Each_filter_of_the_list_works_alone_and_together(string query, string names)
    {
        await using var panel = await three.OpenAsync(Role.Operator);

        Listed(await panel.ReadAsync($"/access/tokens{query}")).Order().ShouldBe(names.Split(',', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("1,5")]
    [InlineData("-1")]
    [InlineData("NaN")]
    [InlineData("1e9")]
    public async Task A_pause_whose_end_cannot_be_read_is_not_made(string hours)
    {
        await using var panel = await three.OpenAsync(Role.Operator);

        Panel.FlashMessage(await panel.SendAsync("/access/tokens/a", "/access/tokens/a?handler=Pause", ("reason", "a test"), ("hours", hours))).ShouldStartWith("Enter more than 0 hours");

        Listed(await panel.ReadAsync("/access/tokens?state=Paused")).ShouldBe(["b"], "as before");
    }

    [Theory]
    [InlineData("Urgency", "b,c,a")]
    [InlineData("Left", "c,a,b")]
    [InlineData("Next", "a,c,b")]
    [InlineData("Name", "a,b,c")]
    public async Task Each_order_of_the_list_sorts(string sort, string names)
    {
        await using var panel = await three.OpenAsync(Role.Operator);

        Listed(await panel.ReadAsync($"/access/tokens?sort={sort}")).ShouldBe(names.Split(','));
    }

    [Fact]
    public async Task The_overview_names_what_is_down_and_what_expires_next_and_the_list_what_only_failed_last_time()
    {
        await using var panel = await OpenAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() - interval '1 minute', last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 3, last_attempt_at = now() WHERE name = 'a'");
        await panel.Server.ExecuteAsync("UPDATE tokens SET last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 1 WHERE name = 'b'");
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '8 hours 59 minutes' WHERE name = 'c'");

        var page = await panel.ReadAsync("/access");

        page.ShouldContain("1 of 3 tokens is down");
        page.ShouldContain("Burn rate in the last hour: ");
        (await panel.ReadAsync("/access/tokens/a")).ShouldContain("Burn rate in the last hour: ");
        (await panel.ReadAsync("/access/tokens/b")).ShouldNotContain("Burn rate");
        page.ShouldMatch("a expired at (\\d+ [A-Z][a-z]{2} )?\\d\\d:\\d\\d\\.");
        page.ShouldMatch("(?s)Next expiry.*8 h 5[89] min.*?/access/tokens/c");
        var list = await panel.ReadAsync("/access/tokens");
        list.ShouldContain("<span class=\"state\" title=\"provider_down: HTTP 503\">Expired</span>");
        list.ShouldContain("<span class=\"state\" title=\"provider_down: HTTP 503\">Degraded</span>");
    }

    [Theory]
    [InlineData("?status=nonsense", "status: nonsense")]
    [InlineData("?state=nonsense", "state: nonsense")]
    [InlineData("?by=99", "by: 99")]
    public async Task A_filter_that_is_none_is_told_by_the_list_and_matches_nothing_where_all_that_match_are_acted_on(string query, string part)
    {
        await using var panel = await three.OpenAsync(Role.Operator);

        var list = await panel.ReadAsync($"/access/tokens{query}");
        var bulk = await panel.ReadAsync($"/access/bulk{query}");
        var paused = await panel.SendAsync($"/access/bulk{query}", $"/access/bulk{query}&handler=Pause", ("reason", "a test"));

        list.ShouldContain($"Invalid filter, ignored: {part}");
        Listed(list).Count.ShouldBe(3);
        bulk.ShouldContain($"Invalid filter, so nothing matches: {part}");
        bulk.ShouldContain("0 matching tokens");
        bulk.ShouldNotContain("handler=Force");
        paused.ShouldContain($"Invalid filter, so nothing matches: {part}");
        (await panel.Server.TokenAsync("a")).PausedAt.ShouldBeNull();
    }

    [Fact]
    public async Task Who_pauses_all_that_match_without_a_reason_keeps_the_page_its_filter_and_the_input()
    {
        await using var panel = await three.OpenAsync(Role.Operator);

        var answer = await panel.PostAsync("/access/bulk?text=a", "/access/bulk?text=a&handler=Pause", ("reason", " "), ("hours", "24"));
        var page = await answer.Content.ReadAsStringAsync();

        answer.RequestMessage!.RequestUri!.PathAndQuery.ShouldStartWith("/access/bulk?text=a");
        page.ShouldContain("Enter a reason of at most 200 characters for the pause.");
        page.ShouldContain("1 matching token<");
        page.ShouldContain("<option value=\"24\" selected=\"selected\">");
        page.ShouldContain("formaction=\"?text=a&amp;handler=Pause\"");
        (await panel.Server.TokenAsync("a")).PausedAt.ShouldBeNull();
    }

    [Fact]
    public async Task A_token_that_needs_a_person_is_told_apart_in_the_list_and_on_its_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { TokenNames = ["a", "b"], ImportedNames = ["b"] });
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync("a")).Version == 1, "a is obtained");

        var list = await panel.ReadAsync("/access/tokens");

        list.ShouldContain("b: needs action, import a token");
        list.ShouldContain("renews itself");
        Listed(await panel.ReadAsync("/access/tokens?by=Person")).ShouldBe(["b"]);
        (await panel.ReadAsync("/access/tokens/b?tab=Settings")).ShouldContain("Imported: without a refresh token only a person can start the grant again");
    }

    [Fact]
    public async Task A_filter_is_saved_with_the_account_under_a_name_and_removed()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);

        var saved = await panel.SendAsync("/access/tokens?provider=jibit&state=Healthy", "/access/tokens?provider=jibit&state=Healthy&handler=SaveFilter", ("filter", " فینوتک "));
        await panel.EnterAsync("Viewer");
        var later = await panel.ReadAsync("/access/tokens");
        var nameless = await panel.SendAsync("/access/tokens?provider=jibit", "/access/tokens?provider=jibit&handler=SaveFilter", ("filter", " "));
        var removed = await panel.SendAsync("/access/tokens", "/access/tokens?handler=RemoveFilter", ("filter", "فینوتک"));

        Panel.FlashMessage(saved).ShouldBe("Saved the filter فینوتک.");
        later.ShouldContain("<a href=\"/access/tokens?provider=jibit&amp;state=Healthy\"><bdi>");
        Panel.FlashMessage(nameless).ShouldStartWith("Enter a name");
        Panel.FlashMessage(removed).ShouldBe("Removed the filter فینوتک.");
        removed.ShouldNotContain("class=\"saved\"");
    }

    [Fact]
    public async Task A_refresh_in_flight_shows_in_the_list()
    {
        await using var panel = await OpenAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET lease_owner = 'somebody', lease_until = now() + interval '30 seconds' WHERE name = 'a'");

        (await panel.ReadAsync("/access/tokens")).ShouldContain("refreshing");
    }

    [Fact]
    public async Task Chosen_tokens_are_tested_paused_and_resumed_each_with_its_result()
    {
        await using var panel = await OpenAsync();

        var tested = await panel.SendAsync("/access/tokens", "/access/tokens?handler=TestChosen", ("names", "a"), ("names", "b"));
        var paused = await panel.SendAsync("/access/tokens", "/access/tokens?handler=PauseChosen", ("names", "a"), ("names", "c"), ("reason", "تعمیرات"), ("hours", "4"));
        var resumed = await panel.SendAsync("/access/tokens", "/access/tokens?handler=ResumeChosen", ("names", "a"), ("names", "c"));

        Panel.FlashMessage(tested).ShouldBe("2 of 2 accepted by their provider.");
        tested.ShouldContain("<bdi>b</bdi></a> <bdi>accepted by the provider (HTTP 200, 5 ms).</bdi>");
        Panel.FlashMessage(paused).ShouldBe("Paused 2 tokens. Valid tokens are still served; no automatic refresh for 4 h.");
        System.Net.WebUtility.HtmlDecode(paused).ShouldContain("<bdi>paused: تعمیرات (user:Operator)</bdi>");
        Panel.FlashMessage(resumed).ShouldBe("Resumed 2 tokens.");
        (await panel.AuditAsync()).Take(4).Select(entry => $"{entry.Actor} {entry.Action} {entry.Subject}").Order()
            .ShouldBe(["user:Operator token.paused a", "user:Operator token.paused c", "user:Operator token.resumed a", "user:Operator token.resumed c"]);
        (await panel.Server.TokenAsync("a")).IsPaused(DateTimeOffset.MaxValue).ShouldBeFalse();
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("NaN")]
    [InlineData("1e9")]
    public async Task A_pause_of_no_sane_length_pauses_nothing(string hours)
    {
        await using var panel = await three.OpenAsync(Role.Operator);

        var page = await panel.SendAsync("/access/tokens", "/access/tokens?handler=PauseChosen", ("names", "a"), ("reason", "because"), ("hours", hours));

        Panel.FlashMessage(page).ShouldStartWith("Enter more than 0 hours");
        (await panel.Server.TokenAsync("a")).PausedAt.ShouldBeNull();
    }

    [Theory]
    [InlineData("?sort=Name", "000", "049", "href=\"/access/tokens?sort=Name&amp;skip=50\"")]
    [InlineData("?sort=Name&skip=200", "200", "229", "href=\"/access/tokens?sort=Name&amp;skip=150\"")]
    [InlineData("?sort=Name&skip=-5", "000", "049", "1 to 50 of 230")]
    [InlineData("?sort=Name&skip=99999", "200", "229", "201 to 230 of 230")]
    [InlineData("?sort=Name&skip=100", "100", "149", "href=\"/access/tokens?sort=Left\"")]
    public async Task More_tokens_than_a_page_holds_are_paged(string query, string first, string last, string shown)
    {
        await using var panel = await many.OpenAsync(Role.Viewer);

        var page = await panel.ReadAsync($"/access/tokens{query}");

        (Listed(page)[0], Listed(page)[^1]).ShouldBe((first, last));
        page.ShouldContain(shown);
    }

    [Fact]
    public async Task A_page_of_many_tokens_is_small_in_persian_and_leads_to_the_last_of_them()
    {
        var all = Enumerable.Range(0, 120).Select(number => $"payments_of_partner_{number:000}").ToList();
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = all });
        await panel.Server.ObtainedAsync([.. all]);
        await panel.Server.ExecuteAsync("UPDATE tokens SET last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 1, last_attempt_at = now()");
        await panel.Server.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
            SELECT 'jibit', name, 'failed', 'due', 'x', 'x', '{{}}', now() - hour * interval '1 hour', 5, 1, 'x', 'provider_down' FROM tokens, generate_series(0, 23) AS hour
            """);
        panel.Http.DefaultRequestHeaders.Add("Accept-Language", "fa");
        var listed = new List<string>();

        for (var address = "/access/tokens?by=Itself"; address is not null;)
        {
            var page = await panel.ReadAsync(address);
            page.ShouldContain("lang=\"fa\"");
            page.ShouldContain("href=\"/access/bulk?by=Itself\"");
            page.ShouldNotContain("&#x6");
            Encoding.UTF8.GetByteCount(page).ShouldBeLessThan(150_000);
            listed.AddRange(Listed(page));
            address = Next().Match(page) is { Success: true } next ? WebUtility.HtmlDecode(next.Groups[1].Value) : null;
        }

        listed.Order(StringComparer.Ordinal).ShouldBe(all);
    }

    private async Task<Panel> OpenAsync()
    {
        var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = ["a", "b", "c"] });
        await panel.Server.ObtainedAsync("a", "b", "c");
        return panel;
    }

    /// <summary>Three tokens that differ in every order of the list, the second of them paused.</summary>
    public sealed class ThreeTokens(PostgresFixture postgres) : SharedServer(postgres)
    {
        private protected override async Task<RunningServer> StartAsync(PostgresFixture postgres)
        {
            var server = await RunningServer.StartAsync(postgres, provider: new ModelProvider { TokenNames = ["a", "b", "c"] });
            await server.ObtainedAsync("a", "b", "c");
            await server.Services.GetRequiredService<TokenControls>().PauseAsync("b", "a test", null, "a test", default);
            await server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '20 hours', refresh_due_at = now() + interval '4 hours' WHERE name = 'a'");
            await server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '30 hours' WHERE name = 'b'");
            await server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '10 hours', refresh_due_at = now() + interval '9 hours' WHERE name = 'c'");
            return server;
        }
    }

    /// <summary>More tokens than two pages hold.</summary>
    public sealed class ManyTokens(PostgresFixture postgres) : SharedServer(postgres)
    {
        private protected override Task<RunningServer> StartAsync(PostgresFixture postgres) =>
            RunningServer.StartAsync(postgres, provider: new ModelProvider { TokenNames = [.. Enumerable.Range(0, 230).Select(number => $"{number:000}")] });
    }

    private static List<string> Listed(string page) => [.. Names().Matches(page).Select(match => match.Groups[1].Value)];

    [GeneratedRegex("<td class=\"name\"><a href=\"/access/tokens/([^\"]+)\"")]
    private static partial Regex Names();

    [GeneratedRegex("href=\"([^\"]+)\">صفحهٔ بعد<")]
    private static partial Regex Next();
}
