using System.Net;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class ProviderPageTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Page = "/access/providers/jibit";

    [Fact]
    public async Task A_provider_shows_how_it_fares_and_its_tokens()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("<span class=\"state\">Operational</span>");
        page.ShouldContain("href=\"/access/tokens/jibit\"");
        (await panel.ReadAsync("/access/providers")).ShouldContain($"href=\"{Page}\"");
    }

    [Fact]
    public async Task An_unknown_provider_is_a_page_that_names_those_there_are()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var answer = await panel.Http.GetAsync("/access/providers/nobody");

        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("No provider has that name. Providers: jibit.");
    }

    [Fact]
    public async Task Refused_credentials_say_how_to_update_them()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) });
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Count > 0 && (await panel.Server.TokenAsync()).ConsecutiveFailures > 0, "it has failed");

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("<span class=\"state\">Credentials refused</span>");
        page.ShouldContain("How to update the credentials");
        (await panel.ReadAsync("/access")).ShouldContain($"href=\"{Page}#credentials\"");
    }

    [Fact]
    public async Task Credentials_are_shown_by_their_last_four_characters_and_no_page_has_more_of_them()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, withSandbox: true);

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("<code>Providers__Jibit__SecretKey</code></dt><dd><code>…");
        page.ShouldNotContain("sandbox-jibit-secret");
    }

    [Fact]
    public async Task The_sandboxs_card_lets_a_stand_in_fail_and_brings_it_back()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, withSandbox: true);
        (await panel.ReadAsync(Page)).ShouldContain("Rehearse an outage");

        var down = await panel.SendAsync(Page, $"{Page}?handler=Sandbox", ("mode", "down"), ("failNext", "3"), ("lifetime", "60"));
        var set = await BehaviourAsync(panel);
        var wrong = await panel.SendAsync(Page, $"{Page}?handler=Sandbox", ("mode", "odd"), ("lifetime", "never"));
        await panel.PostAsync(Page, $"{Page}?handler=Sandbox");
        var normal = await BehaviourAsync(panel);

        Panel.FlashMessage(down).ShouldBe("Sandbox provider jibit: down.");
        (set.GetProperty("mode").GetString(), set.GetProperty("fail_next").GetInt32(), set.GetProperty("lifetime_seconds").GetInt32()).ShouldBe(("down", 3, 60));
        Panel.FlashMessage(wrong).ShouldStartWith("Nothing was changed. mode: Allowed: normal, down,");
        normal.GetProperty("mode").GetString().ShouldBe("normal");
    }

    [Fact]
    public async Task A_viewer_rehearses_no_outage()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        (await panel.ReadAsync(Page)).ShouldNotContain("Rehearse an outage");
        (await panel.PostAsync("/access/tokens", $"{Page}?handler=Sandbox", ("mode", "down"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private static async Task<JsonElement> BehaviourAsync(Panel panel) => JsonDocument.Parse(await panel.ReadAsync("/sandbox/jibit/behaviour")).RootElement;
}
