using System.Text.RegularExpressions;
using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class TokensPageTests(PostgresFixture postgres)
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
        await using var panel = await OpenAsync();
        await panel.PostAsync("/access/tokens/b", "/access/tokens/b?handler=Pause", ("reason", "a test"));

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
        await using var panel = await OpenAsync();

        Panel.FlashMessage(await panel.SendAsync("/access/tokens/b", "/access/tokens/b?handler=Pause", ("reason", "a test"), ("hours", hours))).ShouldStartWith("Enter more than 0 hours");

        Listed(await panel.ReadAsync("/access/tokens?state=Paused")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Urgency", "b,c,a")]
    [InlineData("Left", "c,a,b")]
    [InlineData("Next", "a,c,b")]
    [InlineData("Name", "a,b,c")]
    public async Task Each_order_of_the_list_sorts(string sort, string names)
    {
        await using var panel = await OpenAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '20 hours', refresh_due_at = now() + interval '4 hours' WHERE name = 'a'");
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '30 hours', paused_at = now() WHERE name = 'b'");
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '10 hours', refresh_due_at = now() + interval '9 hours' WHERE name = 'c'");

        Listed(await panel.ReadAsync($"/access/tokens?sort={sort}")).ShouldBe(names.Split(','));
    }

    [Fact]
    public async Task The_glance_names_what_is_wrong_what_expires_next_and_what_only_failed_last_time()
    {
        await using var panel = await OpenAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() - interval '1 minute', last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 3, last_attempt_at = now() WHERE name = 'a'");
        await panel.Server.ExecuteAsync("UPDATE tokens SET last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 1 WHERE name = 'b'");
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '8 hours 59 minutes' WHERE name = 'c'");

        var glance = Glance().Match(await panel.ReadAsync("/access/tokens")).Value;

        glance.ShouldContain("Outage: 2 problems");
        glance.ShouldMatch("/access/tokens/a\"><bdi>a</bdi></a> <span class=\"state\">expired<");
        glance.ShouldContain("provider_down: HTTP 503");
        glance.ShouldMatch("/access/tokens/b\"><bdi>b</bdi></a> <span class=\"state\">degraded<");
        glance.ShouldMatch("(?s)Next expiry.*8 h 5[89] min.*?/access/tokens/c");
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
        (await panel.ReadAsync("/access/tokens/b")).ShouldContain("Imported: without a refresh token only a person can start the grant again");
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
        await using var panel = await OpenAsync();

        var page = await panel.SendAsync("/access/tokens", "/access/tokens?handler=PauseChosen", ("names", "a"), ("reason", "because"), ("hours", hours));

        Panel.FlashMessage(page).ShouldStartWith("Enter more than 0 hours");
        (await panel.Server.TokenAsync("a")).PausedAt.ShouldBeNull();
    }

    [Theory]
    [InlineData("?sort=Name", "000", "099", "href=\"/access/tokens?sort=Name&amp;skip=100\"")]
    [InlineData("?sort=Name&skip=200", "200", "229", "href=\"/access/tokens?sort=Name&amp;skip=100\"")]
    [InlineData("?sort=Name&skip=-5", "000", "099", "1 to 100 of 230")]
    [InlineData("?sort=Name&skip=99999", "200", "229", "201 to 230 of 230")]
    [InlineData("?sort=Name&skip=100", "100", "199", "href=\"/access/tokens?sort=Left\"")]
    public async Task More_tokens_than_a_page_holds_are_paged(string query, string first, string last, string shown)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { TokenNames = [.. Enumerable.Range(0, 230).Select(number => $"{number:000}")] });

        var page = await panel.ReadAsync($"/access/tokens{query}");

        (Listed(page)[0], Listed(page)[^1]).ShouldBe((first, last));
        page.ShouldContain(shown);
    }

    private async Task<Panel> OpenAsync()
    {
        var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = ["a", "b", "c"] });
        foreach (var name in new[] { "a", "b", "c" })
        {
            await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync(name)).Version == 1, $"{name} is obtained");
        }

        return panel;
    }

    private static List<string> Listed(string page) => [.. Names().Matches(page).Select(match => match.Groups[1].Value)];

    [GeneratedRegex("<td data-label=\"Token\" class=\"main\"><a href=\"/access/tokens/([^\"]+)\">")]
    private static partial Regex Names();

    [GeneratedRegex("<section class=\"glance.*?</section>", RegexOptions.Singleline)]
    private static partial Regex Glance();
}
