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
    [Fact]
    public async Task New_rows_are_told_while_the_page_is_visible_not_while_it_is_hidden_and_never_put_under_the_reader()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await using var visitor = await SignedInAsync(panel, 1280, ColorScheme.Light, clock: true);
        var page = visitor.Page;
        await page.GotoAsync("/access/token-refresh-logs");
        var rows = await page.Locator("table.lines tr.is-well, table.lines tr.is-aside").CountAsync();
        var asked = 0;
        page.Request += (_, request) => asked += request.Url.Contains("handler=News", StringComparison.Ordinal) ? 1 : 0;

        await page.EvaluateAsync("Object.defineProperty(document, 'hidden', { get: () => window.isAway, configurable: true }); window.isAway = true;");
        await panel.Server.Services.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Forced, "a test"), default);
        await page.Clock.RunForAsync(120_000);
        asked.ShouldBe(0);
        await page.EvaluateAsync("window.isAway = false");
        await page.Clock.RunForAsync(30_000);
        await page.GetByRole(AriaRole.Link, new() { Name = "1 new row" }).WaitForAsync();

        asked.ShouldBeGreaterThan(0);
        (await page.Locator("table.lines tr.is-well, table.lines tr.is-aside").CountAsync()).ShouldBe(rows);
        await page.GetByRole(AriaRole.Link, new() { Name = "1 new row" }).ClickAsync();
        await Assertions.Expect(page.Locator("table.lines tr.is-well")).ToHaveCountAsync(rows + 1);
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

        await page.GotoAsync("/access/providers/jibit");
        await page.GetByLabel("Behaviour").SelectOptionAsync("401");
        await visitor.ClickThroughAsync("Apply");
        (await said.InnerTextAsync()).ShouldBe("Sandbox provider jibit: 401.");

        await page.GotoAsync("/access/token-refresh-logs");
        await page.Locator("form.bulk select[name=token]").SelectOptionAsync("jibit");
        await page.GetByLabel("Force", new() { Exact = true }).CheckAsync();
        await visitor.ClickThroughAsync("Trigger refresh");
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.ErrorCode is not null), "it has failed");
        await page.GotoAsync("/access/token-refresh-logs?status=failed");
        await page.GotoAsync("/access/providers/jibit");
        await visitor.ClickThroughAsync("Back to normal");
        await page.GotoAsync("/access/token-refresh-logs?status=failed");
        await visitor.ClickThroughAsync("Retry");
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: Refreshed|Refreshing jibit)");
        page.Url.ShouldEndWith("?status=failed");

        await page.GotoAsync("/access/token-refresh-logs");
        await page.GetByRole(AriaRole.Link, new() { Name = "Duration" }).ClickAsync();
        (await page.Locator("th[aria-sort=descending]").InnerTextAsync()).ShouldContain("Duration");

        await page.GotoAsync("/access/token-health");
        var job = page.Locator("tr", new() { HasText = "log-cleanup" });
        await job.Locator("summary").ClickAsync();
        await job.GetByLabel("Reason").FillAsync("a rehearsal");
        await visitor.ClickThroughAsync(job.GetByRole(AriaRole.Button, new() { Name = "Pause", Exact = true }));
        (await page.Locator("#health > ul").First.InnerTextAsync()).ShouldContain("log-cleanup: paused by user:olga");
        await visitor.ClickThroughAsync("Resume");
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
