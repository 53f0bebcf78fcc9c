using System.Collections.Concurrent;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Browser;

public sealed class PagesInBrowserTests(PagesInBrowserTests.HardToFit hard, PagesInBrowserTests.WithSandbox sandboxed, Chromium chromium)
    : IClassFixture<PagesInBrowserTests.HardToFit>, IClassFixture<PagesInBrowserTests.WithSandbox>
{
    private static readonly string LongName = new('n', 60);

    // They close with the browser.
    private static readonly ConcurrentDictionary<SharedServer, ConcurrentBag<Visitor>> OpenWindows = [];

    public static TheoryData<string> Pages { get; } =
    [
        "/access", "/access/tokens", "/access/tokens/jibit", "/access/tokens/jibit?tab=Settings", "/access/bulk", "/access/providers", "/access/providers/jibit", "/access/new-provider", "/access/new-provider?type=OAuth2", "/access/new-token", "/access/incidents/1", "/access/settings", "/access/search?q=n", "/access/token-refresh-logs", "/access/token-refresh-logs/1", "/access/token-health", "/access/incidents", "/access/users", "/access/clients",
        "/access/audit", "/no/such/page", "/access/tokens/unknown", $"/access/tokens/{LongName}",
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task A_page_fits_its_window_and_axe_finds_nothing_serious(string path) => await CheckAsync(hard, Role.Admin, path);

    [Theory]
    [InlineData("/access/token-refresh-logs")]
    [InlineData("/access/token-refresh-logs?chart=168")]
    [InlineData("/access/token-refresh-logs?order=Longest&status=failed&text=HTTP")]
    [InlineData("/access/token-refresh-logs/1")]
    [InlineData("/access/token-health")]
    public async Task A_page_of_the_sandbox_fits_its_window_and_axe_finds_nothing_serious(string path) => await CheckAsync(sandboxed, Role.Operator, path);

    // By one visitor: nine at once would sign in while everything else starts.
    [Fact]
    public async Task Pages_in_persian_fit_their_window_and_axe_finds_nothing_serious()
    {
        await using var visitor = await SignedInAsync(hard, Role.Admin, ColorScheme.Light, "fa-IR");
        string[] pages =
        [
            "/access", "/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/incidents/1", "/access/providers/jibit", "/access/token-health", "/access/settings", "/access/users",
        ];
        foreach (var path in pages)
        {
            await visitor.Page.GotoAsync(path);
            await visitor.CheckAsync(path);
        }

        visitor.Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task In_persian_no_latin_name_loses_its_beginning()
    {
        await using var visitor = await SignedInAsync(hard, Role.Admin, ColorScheme.Light, "fa-IR");
        foreach (var path in new[] { "/access/token-health", "/access/tokens", "/access/users" })
        {
            await visitor.Page.GotoAsync(path);
            foreach (var width in new[] { 360, 390, 820, 1280 })
            {
                await visitor.Page.SetViewportSizeAsync(width, 844);
                (await visitor.Page.Locator(".lines td.name bdi").CountAsync()).ShouldBeGreaterThan(0, path);
                (await visitor.Page.EvaluateAsync<string[]>(
                    """
                    () => [...document.querySelectorAll('.lines td.name bdi')].filter((name) => {
                        const first = document.createRange();
                        first.setStart(name.firstChild, 0);
                        first.setEnd(name.firstChild, 1);
                        const letter = first.getBoundingClientRect(), cell = name.closest('td').getBoundingClientRect();
                        return letter.left < cell.left - 1 || letter.right > cell.right + 1;
                    }).map((name) => name.textContent)
                    """)).ShouldBeEmpty($"{path}, {width}");
            }
        }
    }

    [Theory]
    [InlineData("/access/tokens", 1280, 900)]
    [InlineData("/access/tokens", 390, 844)]
    [InlineData("/access/token-refresh-logs", 1280, 900)]
    [InlineData("/access/token-refresh-logs", 390, 844)]
    public async Task The_first_rows_of_a_list_are_on_the_first_screen_also_while_something_is_wrong(string path, int width, int height)
    {
        await using var visitor = await SignedInAsync(hard, Role.Admin, ColorScheme.Light);
        await visitor.Page.SetViewportSizeAsync(width, height);
        await visitor.Page.GotoAsync(path);

        await visitor.Page.Locator(".lines tbody tr:not(.of)").Nth(1).WaitForAsync();

        // Asked in one go: a list that renews itself has other rows a moment later.
        (await visitor.Page.EvaluateAsync<double>("document.querySelectorAll('.lines tbody tr:not(.of)')[1].getBoundingClientRect().bottom")).ShouldBeLessThan(height);
    }

    [Fact]
    public async Task The_sign_in_fits_its_window_and_axe_finds_nothing_serious()
    {
        await using var visitor = await chromium.OpenAsync($"{(await hard.Server).Http.BaseAddress}", 1280, ColorScheme.Light);
        await visitor.Page.GotoAsync("/account/login");

        await visitor.CheckAsync("/account/login");

        visitor.Findings.ShouldBeEmpty();
    }

    // These pages are not ours, but the policy that we send must let them work.
    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Hangfires_pages_keep_our_policy(ColorScheme scheme)
    {
        await using var visitor = await SignedInAsync(sandboxed, Role.Operator, scheme);
        foreach (var path in new[] { "", "/jobs/succeeded", "/jobs/failed", "/jobs/details/2", "/jobs/scheduled", "/recurring", "/retries", "/servers" })
        {
            await visitor.Page.GotoAsync("/hangfire" + path);
            (await visitor.Page.InnerTextAsync("h1")).ShouldNotBeEmpty();
        }

        visitor.Findings.ShouldBeEmpty();
    }

    private async Task CheckAsync(SharedServer shared, Role role, string path)
    {
        // The last one to look has left its window open: a new one costs more than all that is looked at. Whoever finds something leaves none.
        var windows = OpenWindows.GetOrAdd(shared, _ => []);
        var visitor = windows.TryTake(out var open) ? open : await SignedInAsync(shared, role, ColorScheme.Light);
        await visitor.ResetAsync();
        await visitor.Page.GotoAsync(path);

        await visitor.CheckAsync(path);

        visitor.Findings.ShouldBeEmpty();
        await visitor.Page.GotoAsync("about:blank");
        windows.Add(visitor);
    }

    private async Task<Visitor> SignedInAsync(SharedServer shared, Role role, ColorScheme scheme, string locale = "en-GB")
    {
        await using var panel = await shared.OpenAsync(role);
        var visitor = await chromium.OpenAsync($"{panel.Http.BaseAddress}", 1280, scheme, locale: locale);
        await visitor.EnterAsync(panel);
        return visitor;
    }

    /// <summary>One long word wherever a provider, a person or the settings may have put one.</summary>
    public sealed class HardToFit(PostgresFixture postgres) : SharedServer(postgres)
    {
        private protected override async Task<RunningServer> StartAsync(PostgresFixture postgres)
        {
            var server = await RunningServer.StartAsync(postgres, provider: new ModelProvider { TokenNames = ["jibit", LongName] });
            await RunningServer.UntilAsync(async () => (await server.LogAsync()).Count(row => row.Status == AttemptStatus.Success) == 2, "the tokens are obtained");
            await server.ExecuteAsync(
                $"""
                 UPDATE tokens SET last_error_code = 'credential_rejected', last_error = repeat('w', 90), consecutive_failures = 1 WHERE name = '{LongName}';
                 UPDATE tokens SET paused_at = now(), is_active = FALSE, pause_reason = repeat('p', 90) WHERE name = 'jibit';
                 UPDATE token_refresh_logs SET triggered_by = repeat('b', 60), message = repeat('m', 90);
                 INSERT INTO incidents (key, kind, scope, cause, detail, subjects, told_subjects, opened_at, joined_at, flaps, reminders, told_stage, was_mailed)
                 VALUES ('failed:jibit:credential_rejected', 'failed', 'jibit', 'credential_rejected', repeat('d', 90), ARRAY['{LongName}'], ARRAY[]::text[], now(), now(), 0, 0, 0, FALSE)
                 """);
            return server;
        }
    }

    /// <summary>The ten tokens of the sandbox's two providers.</summary>
    public sealed class WithSandbox(PostgresFixture postgres) : SharedServer(postgres)
    {
        private protected override async Task<RunningServer> StartAsync(PostgresFixture postgres)
        {
            var server = await RunningServer.StartAsync(postgres, withSandbox: true);
            await server.ObtainedAsync("jibit");
            return server;
        }
    }
}
