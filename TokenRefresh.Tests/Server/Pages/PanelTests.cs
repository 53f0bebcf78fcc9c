using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class PanelTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("/access", "Operator", true)]
    [InlineData("/access/token-refresh-logs", "Operator", true)]
    [InlineData("/access/tokens", "Viewer", true)]
    [InlineData("/access/tokens", "Operator", false)]
    [InlineData("/access/token-health", "Viewer", true)]
    [InlineData("/access/token-health", "Operator", false)]
    [InlineData("/access/tokens/jibit", "Operator", false)]
    [InlineData("/access/users", "Admin", false)]
    public async Task Without_script_a_page_reloads_where_no_one_types(string address, string role, bool isReloaded)
    {
        await using var panel = await Panel.OpenAsync(postgres, Enum.Parse<Role>(role));

        (await panel.ReadAsync(address)).Contains("<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>", StringComparison.Ordinal).ShouldBe(isReloaded);
    }

    [Fact]
    public async Task A_forced_refresh_tells_what_came_of_it_and_the_log_and_the_audit_name_the_person()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);

        var page = await (await panel.PostAsync("/access/tokens", "/access/tokens?handler=Force", ("name", "jibit"))).Content.ReadAsStringAsync();

        Panel.FlashMessage(page).ShouldMatch("^(jibit: Refreshed; expires|Asked for jibit)");
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).Version == 2, "the token is renewed");
        (await panel.Server.LogAsync())[^1].TriggeredBy.ShouldBe("user:Operator");
        (await panel.Server.Services.GetRequiredService<AuditTrail>().RecentAsync(1, null, default))[0].Action.ShouldBe("token.refresh_forced");
    }

    [Fact]
    public async Task A_refresh_that_is_not_due_says_so_and_calls_nobody()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        var calls = panel.Server.Provider.Calls.Count;

        var page = await (await panel.PostAsync("/access/tokens/jibit", "/access/tokens/jibit?handler=Refresh")).Content.ReadAsStringAsync();

        Panel.FlashMessage(page).ShouldMatch("^(jibit: Fresh: due at|Asked for jibit)");
        panel.Server.Provider.Calls.Count.ShouldBe(calls);
    }

    [Fact]
    public async Task Two_operators_at_once_cause_one_call_and_both_see_what_came_of_it()
    {
        var release = new TaskCompletionSource<ProviderResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        var calls = panel.Server.Provider.Calls.Count;
        panel.Server.Provider.Before = (_, _) => release.Task;

        await using var other = await panel.BesideAsync("olga", Role.Operator);
        var first = panel.SendAsync("/access/tokens", "/access/tokens?handler=Force", ("name", "jibit"));
        await RunningServer.UntilAsync(() => Task.FromResult(panel.Server.Provider.Calls.Count > calls), "the first is at the provider");
        var second = other.SendAsync("/access/tokens", "/access/tokens?handler=Force", ("name", "jibit"));
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.Message.StartsWith("Another refresh", StringComparison.Ordinal)), "the second has found the first");
        release.SetResult(null);

        Panel.FlashMessage(await first).ShouldMatch("^(jibit: Refreshed|Refreshing jibit)");
        Panel.FlashMessage(await second).ShouldMatch("^(jibit: already started by user:Operator. Refreshed; expires|Refreshing jibit)");
        panel.Server.Provider.Calls.Count.ShouldBe(calls + 1);
        var log = await panel.Server.LogAsync();
        log.Where(row => row.Status == AttemptStatus.Success).Last().TriggeredBy.ShouldBe("user:Operator");
        log.Single(row => row.Status == AttemptStatus.Skipped).TriggeredBy.ShouldBe("user:olga");
    }

    [Fact]
    public async Task Test_shows_what_the_provider_said_and_how_fast()
    {
        await using var panel = await shared.OpenAsync(Role.Operator);

        var page = await (await panel.PostAsync("/access/tokens", "/access/tokens?handler=Test", ("name", "jibit"))).Content.ReadAsStringAsync();

        Panel.FlashMessage(page).ShouldBe("jibit: accepted by the provider (HTTP 200, 5 ms).");
    }

    [Fact]
    public async Task A_pause_needs_a_reason_shows_it_and_ends_when_it_is_resumed()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);

        var without = await (await panel.PostAsync("/access/tokens/jibit", "/access/tokens/jibit?handler=Pause", ("reason", " "))).Content.ReadAsStringAsync();
        Panel.FlashMessage(without).ShouldStartWith("Enter a reason");
        (await panel.Server.TokenAsync()).PausedAt.ShouldBeNull();

        await panel.PostAsync("/access/tokens/jibit", "/access/tokens/jibit?handler=Pause", ("reason", "<b>moving house</b>"), ("hours", "2"));
        var paused = await panel.ReadAsync("/access/tokens/jibit");
        paused.ShouldContain("&lt;b&gt;moving house&lt;/b&gt;");
        (await panel.Server.TokenAsync()).PausedUntil.ShouldNotBeNull();

        await panel.PostAsync("/access/tokens/jibit", "/access/tokens/jibit?handler=Resume");
        (await panel.Server.TokenAsync()).PausedAt.ShouldBeNull();
    }

    [Fact]
    public async Task Chosen_tokens_are_refreshed_together_each_with_its_result_and_none_chosen_changes_nothing()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = ["a", "b", "c"] });
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync("c")).Version == 1, "all are obtained");

        panel.Server.Provider.Before = (_, order) => order.Name == "b" ? ModelProvider.Failing(FailureKind.CredentialRejected)("", order) : Task.FromResult<ProviderResult?>(null);
        var both = await (await panel.PostAsync("/access/tokens", "/access/tokens?handler=ForceChosen", ("names", "a"), ("names", "b"), ("names", "unknown"))).Content.ReadAsStringAsync();
        var none = await (await panel.PostAsync("/access/tokens", "/access/tokens?handler=ForceChosen")).Content.ReadAsStringAsync();

        Panel.FlashMessage(both).ShouldMatch("^(1 refreshed, 1 failed, 0 skipped\\.|Asked for 2 tokens)");
        both.ShouldContain("<li class=\"is-ill\"><a href=\"/access/tokens/b\"><bdi>b</bdi></a> <bdi>credential_rejected: HTTP 503</bdi></li>");
        both.ShouldContain("<li class=\"is-well\"><a href=\"/access/tokens/a\">");
        Panel.FlashMessage(none).ShouldBe("No tokens selected.");
    }

    [Fact]
    public async Task A_failing_token_is_told_in_the_verdict_with_the_providers_own_words_and_its_row_can_be_retried()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) });
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.Status == AttemptStatus.Failed), "it has failed");

        var tokens = await panel.ReadAsync("/access/tokens");
        tokens.ShouldContain("jibit: needs action, credentials refused");
        tokens.ShouldContain("credential_rejected: HTTP 503");
        panel.Server.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        var id = (await panel.Server.LogAsync())[^1].Id;
        await panel.PostAsync("/access/token-refresh-logs", "/access/token-refresh-logs?handler=Retry", ("id", $"{id}"));

        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row is { Status: AttemptStatus.Success, TriggeredBy: "user:Operator" }), "the retry succeeds");
        (await panel.ReadAsync("/access")).ShouldContain("All systems operational");
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("?provider=jibit", true)]
    [InlineData("?token=jibit&status=Success&trigger=Due&hours=720", true)]
    [InlineData("?status=Failed", false)]
    [InlineData("?trigger=Forced", false)]
    [InlineData("?error=provider_down", false)]
    [InlineData("?text=refreshed", true)]
    [InlineData("?text=SCHEDULE", true)]
    [InlineData("?text=%25", false)]
    [InlineData("?text=%00refreshed", true)]
    [InlineData("?token=%3Cscript%3E", false)]
    [InlineData("?before=1", false)]
    public async Task Each_filter_of_the_log_works_alone_and_together(string query, bool isFound)
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var page = await panel.ReadAsync($"/access/token-refresh-logs{query}");

        page.Contains("href=\"/access/token-refresh-logs/1\"", StringComparison.Ordinal).ShouldBe(isFound);
        page.ShouldNotContain("<script>");
    }

    [Fact]
    public async Task The_log_pages_by_key_and_exports_what_fits_as_csv_and_json()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        for (var row = 0; row < 60; row++)
        {
            await panel.Server.Services.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Manual, $"=cmd|{row}"), default);
        }

        var first = await panel.ReadAsync("/access/token-refresh-logs?skips=true");
        var older = System.Text.RegularExpressions.Regex.Match(first, "[?&;]before=([0-9.]+)").Groups[1].Value;
        var second = await panel.ReadAsync($"/access/token-refresh-logs?skips=true&before={older}");
        var csv = await panel.ReadAsync("/access/token-refresh-logs?handler=Export&format=csv&trigger=Manual&skips=true");
        var json = System.Text.Json.JsonDocument.Parse(await panel.ReadAsync("/access/token-refresh-logs?handler=Export&format=json&status=Success")).RootElement;

        first.ShouldNotContain("href=\"/access/token-refresh-logs/1\"");
        second.ShouldContain("href=\"/access/token-refresh-logs/1\"");
        csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(61);
        csv.ShouldContain(",'=cmd|0,");
        json.GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task The_health_page_says_what_is_wrong_and_runs_a_job_of_the_timetable()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        (await panel.ReadAsync("/access/token-health")).ShouldContain("All systems operational");
        await panel.PostAsync("/access/tokens/jibit", "/access/tokens/jibit?handler=Pause", ("reason", "a test"));

        var ran = await (await panel.PostAsync("/access/token-health", "/access/token-health?handler=Run", ("id", "due-token-refresh"))).Content.ReadAsStringAsync();
        var unknown = await panel.PostAsync("/access/token-health", "/access/token-health?handler=Run", ("id", "no-such-job"));

        Panel.FlashMessage(ran).ShouldBe("Started due-token-refresh.");
        unknown.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_provider_that_is_down_is_wrong_on_the_health_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) });
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.Status == AttemptStatus.Failed), "it has failed");

        var page = await panel.ReadAsync("/access/token-health");

        page.ShouldContain("jibit: needs action, credentials refused");
    }

    [Theory]
    [InlineData("/access/tokens/unknown")]
    [InlineData("/access/token-refresh-logs/999999")]
    [InlineData("/access/token-refresh-logs?handler=Export&format=xml")]
    [InlineData("/no/such/page")]
    public async Task What_is_not_there_is_a_page_that_helps(string path)
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var answer = await panel.Http.GetAsync(path);

        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Page not found");
    }

    [Fact]
    public async Task No_page_shows_a_secret()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        await panel.PostAsync("/access/tokens", "/access/tokens?handler=Force", ("name", "jibit"));

        foreach (var path in new[] { "/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-refresh-logs/1", "/access/audit", "/hangfire/jobs/succeeded", "/hangfire/jobs/details/2", "/access/token-refresh-logs?handler=Export&format=csv" })
        {
            var page = await panel.ReadAsync(path);
            page.ShouldNotContain("access-of-jibit", customMessage: path);
            page.ShouldNotContain("refresh-of-jibit", customMessage: path);
        }
    }
}
