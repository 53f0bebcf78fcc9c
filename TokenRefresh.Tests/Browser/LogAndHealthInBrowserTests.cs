using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Browser;

public sealed class LogAndHealthInBrowserTests(PostgresFixture postgres, Chromium chromium)
{
    private static readonly string[] Pages =
        ["/access/token-refresh-logs", "/access/token-refresh-logs?chart=168", "/access/token-refresh-logs?order=Longest&status=failed&text=HTTP", "/access/token-refresh-logs/1", "/access/token-health"];

    private static readonly string[] HangfirePages =
        ["/hangfire", "/hangfire/jobs/succeeded", "/hangfire/jobs/failed", "/hangfire/jobs/details/2", "/hangfire/jobs/scheduled", "/hangfire/recurring", "/hangfire/retries", "/hangfire/servers"];

    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Log_and_health_fit_their_window_axe_finds_nothing_serious_and_hangfires_pages_keep_our_policy(int width, ColorScheme scheme)
    {
        await using var panel = await Panel.OpenAsync(postgres, withSandbox: true);
        await using var visitor = await SignedInAsync(panel, width, scheme);
        var page = visitor.Page;

        foreach (var path in Pages)
        {
            await page.GotoAsync(path);
            foreach (var summary in await page.Locator("summary").AllAsync())
            {
                await summary.ClickAsync();
            }

            await visitor.CheckAsync(path);
        }

        foreach (var path in HangfirePages)
        {
            await page.GotoAsync(path);
            (await page.InnerTextAsync("h1")).ShouldNotBeEmpty();
        }

        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task New_rows_are_told_while_the_page_is_visible_not_while_it_is_hidden_and_never_put_under_the_reader()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await using var visitor = await SignedInAsync(panel, 1280, ColorScheme.Light, clock: true);
        var page = visitor.Page;
        await page.GotoAsync("/access/token-refresh-logs");
        var rows = await page.Locator("table.rows tr.is-well, table.rows tr.is-aside").CountAsync();
        var asked = 0;
        page.Request += (_, request) => asked += request.Url.Contains("handler=News", StringComparison.Ordinal) ? 1 : 0;
        await panel.Server.Services.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Manual, "a test"), default);

        await page.EvaluateAsync("Object.defineProperty(document, 'hidden', { get: () => window.isAway, configurable: true }); window.isAway = true;");
        await page.Clock.RunForAsync(120_000);
        asked.ShouldBe(0);
        await page.EvaluateAsync("window.isAway = false");
        await page.Clock.RunForAsync(30_000);
        await page.GetByRole(AriaRole.Link, new() { Name = "1 new row" }).WaitForAsync();

        asked.ShouldBe(1);
        (await page.Locator("table.rows tr.is-well, table.rows tr.is-aside").CountAsync()).ShouldBe(rows);
        await page.GetByRole(AriaRole.Link, new() { Name = "1 new row" }).ClickAsync();
        await page.Locator("table.rows tr.is-aside").WaitForAsync();
        visitor.Findings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_person_rehearses_an_outage_retries_from_the_log_sorts_and_pauses_a_job(bool withScript)
    {
        await using var panel = await Panel.OpenAsync(postgres, withSandbox: true);
        await using var visitor = await SignedInAsync(panel, 1280, ColorScheme.Light, withScript);
        var page = visitor.Page;
        var said = page.Locator("div.said");

        await page.GotoAsync("/access/token-health");
        var card = page.Locator("form.standin").First;
        await card.GetByLabel("Behaviour").SelectOptionAsync("401");
        await card.GetByRole(AriaRole.Button, new() { Name = "Set" }).ClickAsync();
        (await said.InnerTextAsync()).ShouldBe("Sandbox provider jibit: 401.");

        await page.GotoAsync("/access/token-refresh-logs");
        await page.Locator("form.bulk select[name=token]").SelectOptionAsync("jibit");
        await page.GetByLabel("Force", new() { Exact = true }).CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Trigger refresh" }).ClickAsync();
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.ErrorCode is not null), "it has failed");
        await page.GotoAsync("/access/token-refresh-logs?status=failed");
        await page.GotoAsync("/access/token-health");
        await page.GetByRole(AriaRole.Button, new() { Name = "jibit back to normal" }).ClickAsync();
        await page.GotoAsync("/access/token-refresh-logs?status=failed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Retry" }).First.ClickAsync();
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: Refreshed|Refreshing jibit)");
        page.Url.ShouldEndWith("?status=failed");

        await page.GotoAsync("/access/token-refresh-logs");
        await page.GetByRole(AriaRole.Link, new() { Name = "Duration" }).ClickAsync();
        (await page.Locator("th[aria-sort=descending]").InnerTextAsync()).ShouldContain("Duration");

        await page.GotoAsync("/access/token-health");
        await page.Locator("form.pause select").SelectOptionAsync("log-cleanup");
        await page.GetByLabel("Reason").FillAsync("a rehearsal");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        (await page.Locator("#health > ul").First.InnerTextAsync()).ShouldContain("log-cleanup: paused by user:olga");
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
        (await said.InnerTextAsync()).ShouldBe("Resumed log-cleanup.");
        visitor.Findings.ShouldBeEmpty();
    }

    private async Task<Visitor> SignedInAsync(Panel panel, int width, ColorScheme scheme, bool withScript = true, bool clock = false)
    {
        await panel.AddAsync("olga", Role.Operator);
        var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", width, scheme, withScript);
        if (clock)
        {
            await visitor.Page.Clock.InstallAsync();
        }

        await visitor.Page.GotoAsync("/account/login");
        await visitor.SignInAsync("olga", Panel.Password);
        return visitor;
    }
}
