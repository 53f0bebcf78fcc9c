using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Access;

namespace TokenRefresh.Tests.Browser;

public sealed class CompanySignInInBrowserTests(PostgresFixture postgres, Chromium chromium)
{
    // Between two sites, so that the browser's own rules hold: which cookies come back, and where the policy lets a page lead.
    [Fact]
    public async Task A_person_signs_in_with_the_company_account_and_comes_back_to_the_page_that_was_asked_for()
    {
        await using var company = await Company.StartAsync(postgres);
        await company.Provider.HasAsync("ada", "ops");
        await using var visitor = await chromium.OpenAsync($"{company.Server.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;

        await page.GotoAsync("/access/token-health");
        await visitor.CheckAsync("/account/login");
        await page.GetByRole(AriaRole.Link, new() { Name = "Sign in with your company account" }).ClickAsync();
        await page.GetByLabel("Account").FillAsync("ada");
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await page.WaitForURLAsync("**/access/token-health");

        (await page.Locator(".me").InnerTextAsync()).ShouldContain("ada");
        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_person_without_a_role_reads_why_on_a_page_of_the_panel()
    {
        await using var company = await Company.StartAsync(postgres);
        await company.Provider.HasAsync("ida");
        await using var visitor = await chromium.OpenAsync($"{company.Server.Http.BaseAddress}", 390, ColorScheme.Dark);
        var page = visitor.Page;

        await page.GotoAsync("/");
        await page.GetByRole(AriaRole.Link, new() { Name = "Sign in with your company account" }).ClickAsync();
        await page.GetByLabel("Account").FillAsync("ida");
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();

        (await page.GetByRole(AriaRole.Heading, new() { Level = 1 }).InnerTextAsync()).ShouldBe("No role for you");
        await visitor.CheckAsync("/account/oidc/callback");
        visitor.Findings.ShouldBeEmpty();
    }
}
