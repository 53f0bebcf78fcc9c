using System.Net;
using System.Net.Http.Headers;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Browser;

public sealed class CatalogInBrowserTests(PostgresFixture postgres, Chromium chromium)
{
    private const string Secret = "planted-secret-of-acme", Next = "planted-secret-of-june";

    [Fact]
    public async Task From_an_empty_install_to_the_first_served_token_by_the_panel_alone()
    {
        await using var acme = await CatalogApiTests.AuthorizationServer.StartAsync();
        acme.Accepted = Secret;
        await using var server = await StartAsync();
        await using var visitor = await VisitAsync(server, 1280, withScript: true);
        var page = visitor.Page;

        await page.GotoAsync("/access");
        await visitor.ClickThroughAsync(page.Locator(".say .button"));
        await visitor.ClickThroughAsync(page.Locator(".types a", new() { HasText = "OAuth2" }));
        await FillAsync(page, acme, "acme", Secret);
        await page.GetByLabel("Scopes", new() { Exact = true }).FillAsync("orders.read");
        await visitor.ClickThroughAsync("Test and add");
        await visitor.ClickThroughAsync("Test and add");
        (await page.Locator(".head .state").InnerTextAsync()).ShouldBe("Healthy");
        await visitor.ClickThroughAsync(page.Locator("#use a", new() { HasText = "Create key" }));
        await page.Locator("#create input[name=name]").FillAsync("billing");
        await visitor.ClickThroughAsync("Create key");
        var key = await page.Locator(".once .secret").InnerTextAsync();

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/tokens/acme/access-token") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
        var served = await server.Http.SendAsync(request);
        served.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await served.Content.ReadAsStringAsync()).ShouldContain("\"access_token\":\"issued-");
        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_provider_and_its_token_are_added_get_another_secret_and_are_removed_on_a_phone_without_script()
    {
        await using var acme = await CatalogApiTests.AuthorizationServer.StartAsync();
        acme.Accepted = Secret;
        await using var server = await StartAsync();
        await using var visitor = await VisitAsync(server, 390, withScript: false);
        var (page, said) = (visitor.Page, visitor.Page.Locator("div.said p"));

        await page.GotoAsync("/access/new-provider?type=OAuth2");
        await FillAsync(page, acme, "acme", Secret);
        await visitor.ClickThroughAsync("Test and add");
        await visitor.ClickThroughAsync("Test and add");
        (await said.InnerTextAsync()).ShouldBe("Added token acme.");

        acme.Accepted = Next;
        await page.GotoAsync("/access/providers/acme");
        await visitor.ClickThroughAsync("Test");
        (await said.InnerTextAsync()).ShouldStartWith("acme issues no token: credential_rejected");
        await visitor.ClickThroughAsync(page.GetByRole(AriaRole.Link, new() { Name = "Change", Exact = true }));
        await page.GetByLabel("Client secret", new() { Exact = true }).FillAsync(Next);
        await visitor.ClickThroughAsync("Test and change");
        (await said.InnerTextAsync()).ShouldBe("Changed provider acme.");
        (await page.Locator("#credentials").InnerTextAsync()).ShouldContain("…june");
        await visitor.ClickThroughAsync("Test");
        (await said.InnerTextAsync()).ShouldBe("acme has issued a token; it was thrown away.");

        await RunningServer.UntilAsync(async () => (await server.TokenAsync("acme")).Version > 0 && (await server.LogAsync()).TrueForAll(row => row.CompletedAt is not null), "no refresh is in flight");
        await page.GotoAsync("/access/tokens/acme?tab=Settings");
        await page.GetByText("Remove", new() { Exact = true }).ClickAsync();
        await page.GetByLabel("Type the name to confirm").FillAsync("acme");
        await visitor.ClickThroughAsync("Remove token");
        (await said.InnerTextAsync()).ShouldBe("Removed token acme.");
        await page.GotoAsync("/access/providers/acme");
        await page.GetByText("Remove", new() { Exact = true }).ClickAsync();
        await page.GetByLabel("Type the name to confirm").FillAsync("acme");
        await visitor.ClickThroughAsync("Remove provider");
        (await said.InnerTextAsync()).ShouldBe("Removed provider acme.");
        visitor.Findings.ShouldBeEmpty();
    }

    private Task<RunningServer> StartAsync() =>
        RunningServer.StartAsync(postgres, withSandbox: true, settings: [("Sandbox:Enabled", "false"), ("TokenRefresh:Http:AllowedAddresses", "127.0.0.0/8")]);

    private async Task<Visitor> VisitAsync(RunningServer server, int width, bool withScript)
    {
        await using var panel = Panel.At(server);
        await panel.AddAsync("ada", Role.Admin);
        await panel.EnterAsync("ada");
        var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", width, ColorScheme.Light, withScript);
        await visitor.EnterAsync(panel);
        return visitor;
    }

    private static async Task FillAsync(IPage page, CatalogApiTests.AuthorizationServer acme, string name, string secret)
    {
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync(name);
        await page.GetByLabel("Token URL").FillAsync(acme.TokenUrl);
        await page.GetByLabel("Client ID").FillAsync("ours");
        await page.GetByLabel("Client secret", new() { Exact = true }).FillAsync(secret);
        await page.GetByText("More settings").ClickAsync();
        await page.GetByLabel("Client authentication").SelectOptionAsync("Body");
    }
}
