using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Providers;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Browser;

public sealed class PanelInBrowserTests(PostgresFixture postgres, Chromium chromium)
{
    [Theory]
    [InlineData(1280, ColorScheme.Light, true)]
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
        (await page.Locator("main .kpi").InnerTextAsync()).ShouldMatch("(?s)Next expiry.*23 h 5\\d min.*jibit");

        // Triggers a refresh that fails, and sees that it failed.
        panel.Server.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await page.GotoAsync("/access/tokens");
        await visitor.OpenMenuAsync("jibit");
        await visitor.ClickThroughAsync("Force");
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: credential_rejected: HTTP 503|Refreshing jibit)");
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.Status == AttemptStatus.Failed), "it has failed");
        await page.GotoAsync("/access");
        (await page.Locator(".verdict").InnerTextAsync()).ShouldMatch(@"^jibit: needs action, credentials refused; valid until \d+ [A-Z][a-z]{2} \d\d:\d\d$");

        // Finds the failed row by the filter, retries it, and watches it finish.
        panel.Server.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        await page.GotoAsync("/access/token-refresh-logs");
        await page.Locator("form.filters select[name=status]").SelectOptionAsync("Failed");
        await visitor.ClickThroughAsync("Show");
        await visitor.ClickThroughAsync("Retry");
        (await said.InnerTextAsync()).ShouldMatch("^(jibit: Refreshed; expires|Refreshing jibit)");
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).ConsecutiveFailures == 0, "the retry succeeds");

        // Tests, pauses for a day, resumes.
        await page.GotoAsync("/access/tokens");
        await visitor.OpenMenuAsync("jibit");
        await visitor.ClickThroughAsync("Test");
        (await said.InnerTextAsync()).ShouldBe("jibit: accepted by the provider (HTTP 200, 5 ms).");
        await page.Locator("td.name a").First.ClickAsync();
        await page.WaitForURLAsync("**/access/tokens/jibit");
        await page.GetByLabel("Reason").FillAsync("تعمیرات");
        await page.Locator("select[name=hours]").SelectOptionAsync("1 day");
        await page.GetByLabel("Reason").PressAsync("Enter");
        (await said.InnerTextAsync()).ShouldBe("Paused jibit. Valid tokens are still served; no automatic refresh for 1 d.");
        (await page.Locator(".life-card").InnerTextAsync()).ShouldContain("تعمیرات (user:ada)");
        await visitor.ClickThroughAsync("Resume");
        (await said.InnerTextAsync()).ShouldBe("Resumed jibit.");
        await page.GotoAsync("/access/tokens");
        await page.Locator("input[name=names]").First.CheckAsync();
        await page.GetByLabel("Reason").FillAsync("typed, then Enter");
        await page.GetByLabel("Reason").PressAsync("Enter");
        (await said.Locator("p").InnerTextAsync()).ShouldStartWith("Paused ");
        await page.Locator("input[name=names]").First.CheckAsync();
        await visitor.ClickThroughAsync("Resume");
        (await said.Locator("p").InnerTextAsync()).ShouldStartWith("Resumed ");
        await page.GotoAsync("/access/tokens/jibit");

        // Imports a pair, and takes it back.
        await page.GetByRole(AriaRole.Link, new() { Name = "Settings", Exact = true }).Last.ClickAsync();
        await page.WaitForURLAsync("**/access/tokens/jibit?tab=Settings*");
        await page.GetByText("Import a token").ClickAsync();
        await page.GetByLabel("Access token").FillAsync("an-opaque-token-of-some-length");
        await page.GetByLabel("Expires, in").FillAsync("2030-01-01T10:00");
        await visitor.ClickThroughAsync("Test and store");
        (await said.InnerTextAsync()).ShouldStartWith("Imported jibit. It expires at 2030-01-01 10:00:00 Asia/Tehran");
        await visitor.ClickThroughAsync("Roll back");
        (await said.InnerTextAsync()).ShouldStartWith("Rolled back jibit to the previous token.");

        // Works on after the sign-in has ended in the middle of it.
        await page.GotoAsync("/access/tokens/jibit");
        await page.Context.ClearCookiesAsync(new() { Name = "tokenrefresh" });
        await page.GetByLabel("Reason").FillAsync("typed at length");
        await visitor.ClickThroughAsync("Pause");
        await visitor.SignInAsync("ada", Panel.Password);
        (await page.GetByLabel("reason").InputValueAsync()).ShouldBe("typed at length");
        await visitor.ClickThroughAsync("Send now");
        (await said.InnerTextAsync()).ShouldStartWith("Paused jibit.");

        // Signs out.
        await page.Locator("details.me summary").ClickAsync();
        await visitor.ClickThroughAsync("Sign out");
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
        await page.GotoAsync("/access/tokens");

        await panel.Server.ExecuteAsync("UPDATE tokens SET lease_owner = 'somebody', lease_until = now() + interval '1 hour'");
        await page.ReloadAsync();
        await page.Locator("tr .busy").WaitForAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET lease_owner = NULL, lease_until = NULL");
        await page.Locator("tr .busy").WaitForAsync(new() { State = WaitForSelectorState.Detached });

        await page.GetByLabel("select all").CheckAsync();
        (await page.GetByLabel("select jibit").IsCheckedAsync()).ShouldBeTrue();

        await page.GotoAsync("/access/tokens/jibit?tab=Settings");
        await page.GetByText("Import a token").ClickAsync();
        await page.GetByLabel("Access token").FillAsync($"h.{Convert.ToBase64String("""{"exp":1893456000}"""u8).TrimEnd('=')}.s");
        (await page.Locator("[data-expiry-of]").InnerTextAsync()).ShouldEndWith(": 2030-01-01 00:00 UTC.");
        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_change_reaches_an_open_page_at_once_without_moving_what_is_typed_there()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);
        await RunningServer.UntilAsync(() => Task.FromResult(panel.Server.Services.GetRequiredService<PanelEvents>().Count > 0), "the page listens");

        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() - interval '1 minute', last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 3");
        await panel.Server.Services.GetRequiredService<ChangeFeed>().AnnounceAsync("jibit", default);
        await page.GetByText("jibit: expired, provider unreachable").First.WaitForAsync();

        await page.GotoAsync("/access/tokens/jibit");
        await page.GetByLabel("Reason").FillAsync("being typed");
        await panel.Server.Services.GetRequiredService<ChangeFeed>().AnnounceAsync("jibit", default);
        await page.EvaluateAsync("new Promise((done) => setTimeout(done, 500))");
        (await page.GetByLabel("Reason").InputValueAsync()).ShouldBe("being typed");
        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task Everything_in_a_list_is_reached_by_keys_and_an_attempt_opens_beside_it()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);

        await page.Keyboard.PressAsync("/");
        await page.Keyboard.TypeAsync("jibit");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/access/search?q=jibit");
        await page.GotoAsync("/access/tokens");
        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("x");
        (await page.GetByLabel("select jibit").IsCheckedAsync()).ShouldBeTrue();
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/access/tokens/jibit");

        await page.GotoAsync("/access/token-refresh-logs");
        await page.Locator("a[data-drawer]").First.ClickAsync();
        await page.Locator("dialog.drawer #attempt").WaitForAsync();
        await page.Keyboard.PressAsync("Escape");
        await page.Locator("dialog.drawer").WaitForAsync(new() { State = WaitForSelectorState.Detached });
        new Uri(page.Url).AbsolutePath.ShouldBe("/access/token-refresh-logs");
        visitor.Findings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/access")]
    [InlineData("/access/tokens")]
    [InlineData("/access/token-refresh-logs")]
    [InlineData("/access/clients")]
    [InlineData("/access/users")]
    [InlineData("/access/token-health")]
    [InlineData("/access/audit")]
    public async Task The_keys_walk_through_every_list_also_after_leaving_the_search(string address)
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await ApiServer.KeyAsync(panel.Server, "billing", "jibit");
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);
        await page.GotoAsync(address);

        await page.Keyboard.PressAsync("/");
        await page.Keyboard.TypeAsync("jk");
        await page.Keyboard.PressAsync("Escape");
        await page.Keyboard.PressAsync("j");

        (await page.EvaluateAsync<bool>("document.activeElement.closest('[data-keys]') !== null")).ShouldBeTrue();
        visitor.Findings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/access/token-refresh-logs", "dialog.drawer #attempt")]
    [InlineData("/access/tokens/jibit", "dialog.drawer #attempt")]
    [InlineData("/access/users", "details.menu-of[open]")]
    public async Task Enter_opens_what_a_row_is_about(string address, string opened)
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);
        await page.GotoAsync(address);

        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("Enter");

        await page.Locator(opened).WaitForAsync();
        visitor.Findings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("undefined", "Copied")]
    [InlineData("{ writeText: () => Promise.resolve() }", "Copied")]
    [InlineData("{ writeText: () => Promise.reject(new Error('refused')) }", "Not copied")]
    public async Task The_copy_button_says_whether_it_copied_also_where_pages_have_no_clipboard(string clipboard, string said)
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        await page.AddInitScriptAsync($"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }}); addEventListener('copy', () => {{ window.copied = `${{getSelection()}}`; }});");
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);
        await page.GotoAsync("/access/tokens/jibit");

        await page.Locator("[data-copy]").First.ClickAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = said, Exact = true }).WaitForAsync();
        if (clipboard == "undefined")
        {
            (await page.EvaluateAsync<string>("window.copied")).ShouldContain("/api/tokens/jibit");
        }

        await page.GetByRole(AriaRole.Button, new() { Name = "Copy", Exact = true }).First.WaitForAsync();
        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_second_change_soon_after_the_first_is_shown_and_a_slow_server_is_asked_once_at_a_time()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, ColorScheme.Light);
        var page = visitor.Page;
        var feed = panel.Server.Services.GetRequiredService<ChangeFeed>();
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);
        await RunningServer.UntilAsync(() => Task.FromResult(panel.Server.Services.GetRequiredService<PanelEvents>().Count > 0), "the page listens");

        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() - interval '1 minute', last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 3");
        await feed.AnnounceAsync("jibit", default);
        await page.GetByText("jibit: expired, provider unreachable").First.WaitForAsync();
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() + interval '1 day', last_error_code = NULL, last_error = NULL, consecutive_failures = 0");
        await feed.AnnounceAsync("jibit", default);
        await page.GetByText("All systems operational").First.WaitForAsync();

        var (open, most, answered) = (0, 0, new TaskCompletionSource());
        await page.RouteAsync("**/access", async route =>
        {
            most = Math.Max(most, Interlocked.Increment(ref open));
            await answered.Task;
            Interlocked.Decrement(ref open);
            await route.ContinueAsync();
        });
        await feed.AnnounceAsync("jibit", default);
        await RunningServer.UntilAsync(() => Task.FromResult(open > 0), "the page asks, and waits for its answer");
        var heard = page.EvaluateAsync("() => new Promise((done) => { const stream = new EventSource('/access/events'); stream.onmessage = () => { stream.close(); done(); }; })");
        await RunningServer.UntilAsync(() => Task.FromResult(panel.Server.Services.GetRequiredService<PanelEvents>().Count > 1), "another one listens");
        await feed.AnnounceAsync("jibit", default);
        await heard;
        answered.SetResult();

        most.ShouldBe(1);
    }

    [Fact]
    public async Task The_strip_tells_everything_on_three_lines_of_a_phone()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = now() - interval '1 minute', last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 3, refresh_due_at = now() + interval '5 minutes'");
        await panel.Server.ExecuteAsync("INSERT INTO client_reads (token_name, client, hour, reads, refused, last_at) VALUES ('jibit', 'client:billing', date_trunc('hour', now()), 5, 7, now())");
        await using var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 390, ColorScheme.Light);
        var page = visitor.Page;
        await page.GotoAsync("/");
        await visitor.SignInAsync("ada", Panel.Password);

        // On a busy machine the first due check or a worker's sign of life comes late, and is told too.
        var diagnosis = panel.Server.Services.GetRequiredService<DiagnosisReader>();
        await RunningServer.UntilAsync(async () => !(await diagnosis.ReadAsync(default)).Stalled.Any(), "nothing but the token is wrong");
        await page.GotoAsync("/access/clients");

        var strip = page.Locator("#strip p");
        (await strip.InnerTextAsync()).ShouldMatch("(?s)jibit.*expired.*billing got no token 7 times.*next retry");
        (await strip.EvaluateAsync<bool>("p => p.scrollHeight <= p.clientHeight + 1 && p.clientHeight <= 3.1 * parseFloat(getComputedStyle(p).lineHeight)")).ShouldBeTrue(await strip.InnerTextAsync());
        visitor.Findings.ShouldBeEmpty();
    }
}
