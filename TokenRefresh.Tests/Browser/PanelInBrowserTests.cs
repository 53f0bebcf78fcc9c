using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Browser;

public sealed class PanelInBrowserTests(PostgresFixture postgres)
{
    private static readonly string[] Pages =
        ["/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-refresh-logs/1", "/access/token-health", "/access/audit", "/no/such/page"];

    [Theory]
    [InlineData(1280, ColorScheme.Light, true)]
    [InlineData(1280, ColorScheme.Dark, true)]
    [InlineData(390, ColorScheme.Light, true)]
    [InlineData(390, ColorScheme.Dark, true)]
    [InlineData(1280, ColorScheme.Light, false)]
    public async Task A_person_signs_in_refreshes_tests_pauses_resumes_filters_and_signs_out(int width, ColorScheme scheme, bool withScript)
    {
        Assert.SkipWhen(Chromium.MissingBecause is not null, Chromium.MissingBecause ?? "");
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("olga", Role.Operator);
        await using var chromium = await Chromium.StartAsync();
        var page = await chromium.OpenAsync($"{panel.Http.BaseAddress}", width, scheme, withScript);
        var said = page.GetByRole(AriaRole.Status);

        await page.GotoAsync("/");
        await page.GetByLabel("Name").FillAsync("olga");
        await page.GetByLabel("Password").FillAsync(Panel.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        (await page.Locator(".verdict").InnerTextAsync()).ShouldStartWith("Nothing is wrong. Next to expire: jibit, in 23 h");

        await page.GetByRole(AriaRole.Button, new() { Name = "Force" }).First.ClickAsync();
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: Refreshed|Asked for jibit)");
        await page.GetByRole(AriaRole.Button, new() { Name = "Test" }).First.ClickAsync();
        (await said.InnerTextAsync()).ShouldStartWith("jibit: the provider took the token");

        await page.GetByRole(AriaRole.Link, new() { Name = "jibit", Exact = true }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("moving house");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        (await said.InnerTextAsync()).ShouldStartWith("Paused jibit");
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
        (await said.InnerTextAsync()).ShouldStartWith("Resumed jibit");

        await page.GetByRole(AriaRole.Link, new() { Name = "All of its attempts" }).ClickAsync();
        await page.Locator("form.filters select[name=status]").SelectOptionAsync("Failed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show" }).ClickAsync();
        (await page.Locator(".empty").InnerTextAsync()).ShouldBe("No attempt fits.");

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GotoAsync("/access/tokens");
        new Uri(page.Url).AbsolutePath.ShouldBe("/account/login");
        chromium.Complaints.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Every_page_fits_its_window_and_axe_finds_nothing_serious(int width, ColorScheme scheme)
    {
        Assert.SkipWhen(Chromium.MissingBecause is not null, Chromium.MissingBecause ?? "");
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var chromium = await Chromium.StartAsync();
        var page = await chromium.OpenAsync($"{panel.Http.BaseAddress}", width, scheme);
        await page.GotoAsync("/account/login");
        await CheckAsync("/account/login");
        await page.GetByLabel("Name").FillAsync("ada");
        await page.GetByLabel("Password").FillAsync(Panel.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();

        foreach (var path in Pages)
        {
            await page.GotoAsync(path);
            await CheckAsync(path);
        }

        // Hangfire's pages are not ours, but the policy that we send must let them work.
        await page.GotoAsync("/hangfire/recurring");
        (await page.InnerTextAsync("h1")).ShouldBe("Recurring Jobs");
        chromium.Complaints.ShouldBeEmpty();

        async Task CheckAsync(string path)
        {
            (await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth")).ShouldBeTrue($"{path} is wider than its window");
            var found = await page.RunAxe();
            found.Violations.Where(rule => rule.Impact is "serious" or "critical")
                .Select(rule => $"{path}: {rule.Id}: {rule.Help}: {string.Join(" | ", rule.Nodes.Take(3).Select(node => node.Html))}").ShouldBeEmpty();
        }
    }
}
