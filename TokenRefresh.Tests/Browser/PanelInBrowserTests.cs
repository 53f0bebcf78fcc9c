using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Browser;

public sealed class PanelInBrowserTests(PostgresFixture postgres, Chromium chromium)
{
    private static readonly string[] Pages =
        ["/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-refresh-logs/1", "/access/token-health", "/access/incidents", "/access/users", "/access/clients", "/access/audit", "/no/such/page", "/access/tokens/unknown"];

    [Theory]
    [InlineData(1280, ColorScheme.Light, true)]
    [InlineData(1280, ColorScheme.Dark, true)]
    [InlineData(390, ColorScheme.Light, true)]
    [InlineData(390, ColorScheme.Dark, true)]
    [InlineData(1280, ColorScheme.Light, false)]
    public async Task A_person_works_a_day_at_the_panel(int width, ColorScheme scheme, bool withScript)
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", width, scheme, withScript);
        var page = visitor.Page;
        var said = page.Locator("div.said");

        // Signs in, and sees.
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);
        (await page.Locator(".verdict").InnerTextAsync()).ShouldBe("All systems operational");
        (await page.Locator(".glance .next").InnerTextAsync()).ShouldMatch("(?s)Next expiry.*23 h 5\\d min.*jibit");

        // Triggers a refresh that fails, and sees that it failed.
        panel.Server.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await ClickAsync(page, "Force");
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: credential_rejected: HTTP 503|Refreshing jibit)");
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.Status == AttemptStatus.Failed), "it has failed");
        await page.GotoAsync("/access/tokens");
        (await page.Locator(".verdict").InnerTextAsync()).ShouldMatch(@"^jibit: needs action, credentials refused; valid until \d+ [A-Z][a-z]{2} \d\d:\d\d$");

        // Finds the failed row by the filter, retries it, and watches it finish.
        panel.Server.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        await page.GotoAsync("/access/token-refresh-logs");
        await page.Locator("form.filters select[name=status]").SelectOptionAsync("Failed");
        await ClickAsync(page, "Show");
        await ClickAsync(page, "Retry");
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: Refreshed; expires|Refreshing jibit)");
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).ConsecutiveFailures == 0, "the retry succeeds");

        // Tests, pauses for a day, resumes.
        await page.GotoAsync("/access/tokens");
        await ClickAsync(page, "Test");
        (await said.InnerTextAsync()).ShouldBe("jibit: accepted by the provider (HTTP 200, 5 ms).");
        await page.GetByRole(AriaRole.Link, new() { Name = "jibit", Exact = true }).First.ClickAsync();
        await page.GetByLabel("Reason").FillAsync("تعمیرات");
        await page.Locator("select[name=hours]").SelectOptionAsync("1 day");
        await page.GetByLabel("Reason").PressAsync("Enter");
        (await said.InnerTextAsync()).ShouldBe("Paused jibit. Valid tokens are still served; no automatic refresh for 1 d.");
        (await page.Locator(".life-card").InnerTextAsync()).ShouldContain("تعمیرات (user:ada)");
        await ClickAsync(page, "Resume");
        (await said.InnerTextAsync()).ShouldBe("Resumed jibit.");
        await page.GotoAsync("/access/tokens");
        await page.Locator("input[name=names]").First.CheckAsync();
        await page.GetByLabel("Reason").FillAsync("typed, then Enter");
        await page.GetByLabel("Reason").PressAsync("Enter");
        (await said.Locator("p").InnerTextAsync()).ShouldStartWith("Paused ");
        await page.Locator("input[name=names]").First.CheckAsync();
        await ClickAsync(page, "Resume");
        (await said.Locator("p").InnerTextAsync()).ShouldStartWith("Resumed ");
        await page.GotoAsync("/access/tokens/jibit");

        // Imports a pair, and takes it back.
        await page.GetByText("Import a token").ClickAsync();
        await page.GetByLabel("Access token").FillAsync("an-opaque-token-of-some-length");
        await page.GetByLabel("Expires, in").FillAsync("2030-01-01T10:00");
        await ClickAsync(page, "Test and store");
        (await said.InnerTextAsync()).ShouldStartWith("Imported jibit. It expires at 2030-01-01 10:00:00 Asia/Tehran");
        await ClickAsync(page, "Roll back");
        (await said.InnerTextAsync()).ShouldStartWith("Rolled back jibit to the previous token.");

        // Works on after the sign-in has ended in the middle of it.
        await page.Context.ClearCookiesAsync(new() { Name = "tokenrefresh" });
        await page.GetByLabel("Reason").FillAsync("typed at length");
        await ClickAsync(page, "Pause");
        await visitor.SignInAsync("ada", Panel.Password);
        (await page.GetByLabel("reason").InputValueAsync()).ShouldBe("typed at length");
        await ClickAsync(page, "Send now");
        (await said.InnerTextAsync()).ShouldStartWith("Paused jibit.");

        // Signs out.
        await ClickAsync(page, "Sign out");
        await page.GotoAsync("/access/tokens");
        new Uri(page.Url).AbsolutePath.ShouldBe("/account/login");
        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task Script_shows_a_refresh_in_flight_until_it_is_done_chooses_all_rows_and_reads_a_pasted_jwt()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);

        await panel.Server.ExecuteAsync("UPDATE tokens SET lease_owner = 'somebody', lease_until = now() + interval '1 hour'");
        await page.ReloadAsync();
        await page.Locator("tr .busy").WaitForAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET lease_owner = NULL, lease_until = NULL");
        await page.Locator("tr .busy").WaitForAsync(new() { State = WaitForSelectorState.Detached });

        await page.GetByLabel("select all").CheckAsync();
        (await page.GetByLabel("select jibit").IsCheckedAsync()).ShouldBeTrue();

        await page.GotoAsync("/access/tokens/jibit");
        await page.GetByText("Import a token").ClickAsync();
        await page.GetByLabel("Access token").FillAsync($"h.{Convert.ToBase64String("""{"exp":1893456000}"""u8).TrimEnd('=')}.s");
        (await page.Locator("[data-expiry-of]").InnerTextAsync()).ShouldEndWith(": 2030-01-01 00:00 UTC.");
        visitor.Findings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    [InlineData(768, ColorScheme.Light)]
    public async Task Every_page_fits_its_window_and_axe_finds_nothing_serious(int width, ColorScheme scheme)
    {
        var longName = new string('n', 60);
        await using var panel = await Panel.OpenAsync(postgres, provider: new ModelProvider { TokenNames = ["jibit", longName] });
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Count(row => row.Status == AttemptStatus.Success) == 2, "the tokens are obtained");
        await MakeHardToFitAsync(panel.Server, longName);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", width, scheme);
        var page = visitor.Page;
        await page.GotoAsync("/account/login");
        await visitor.CheckAsync("/account/login");
        await visitor.SignInAsync("ada", Panel.Password);

        foreach (var path in Pages.Append($"/access/tokens/{longName}"))
        {
            await page.GotoAsync(path);
            await visitor.CheckAsync(path);
            if (await page.Locator("details").CountAsync() > 0)
            {
                await page.EvaluateAsync("document.querySelectorAll('details').forEach((part) => part.open = true)");
                await visitor.CheckAsync($"{path}, unfolded");
            }
        }

        // Hangfire's pages are not ours, but the policy that we send must let them work.
        await page.GotoAsync("/hangfire/recurring");
        (await page.InnerTextAsync("h1")).ShouldBe("Recurring Jobs");
        visitor.Findings.ShouldBeEmpty();
    }

    // One long word wherever a provider, a person or the settings may have put one.
    private static Task MakeHardToFitAsync(RunningServer server, string longName) => server.ExecuteAsync(
        $"""
         UPDATE tokens SET last_error_code = 'credential_rejected', last_error = repeat('w', 90), consecutive_failures = 1 WHERE name = '{longName}';
         UPDATE tokens SET paused_at = now(), is_active = FALSE, pause_reason = repeat('p', 90) WHERE name = 'jibit';
         UPDATE token_refresh_logs SET triggered_by = repeat('b', 60), message = repeat('m', 90);
         INSERT INTO incidents (key, kind, scope, cause, detail, subjects, told_subjects, opened_at, joined_at, flaps, reminders, told_stage, was_mailed)
         VALUES ('failed:jibit:credential_rejected', 'failed', 'jibit', 'credential_rejected', repeat('d', 90), ARRAY['{longName}'], ARRAY[]::text[], now(), now(), 0, 0, 0, FALSE)
         """);

    private static Task ClickAsync(IPage page, string button) => page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).First.ClickAsync();
}
