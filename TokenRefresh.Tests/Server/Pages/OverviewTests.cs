using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class OverviewTests(PostgresFixture postgres)
{
    private const string Page = "/access";

    [Fact]
    public async Task The_root_and_the_sign_in_lead_to_the_overview()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);

        (await panel.Http.GetAsync("/")).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe(Page);
        (await panel.SignInAsync("Viewer")).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe(Page);
    }

    [Fact]
    public async Task While_all_is_well_it_says_so_with_the_next_expiry_and_no_strip_is_on_any_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, settings: ("TokenRefresh:Notifications:Enabled", "false"));
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).Version == 1, "it is obtained");

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("All systems operational");
        page.ShouldMatch(@"1 of 1 tokens are valid\.</span> <span>Next expiry: jibit, in 23 h 5\d min\.");
        page.ShouldNotContain("Retry now");
        (await panel.ReadAsync("/access/tokens")).ShouldNotContain("class=\"strip");
    }

    [Fact]
    public async Task An_expired_token_says_who_is_hit_and_offers_a_retry_that_works_from_any_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).Version == 1, "it is obtained");
        await panel.Server.ExecuteAsync(
            """
            UPDATE tokens SET expires_at = now() - interval '9 minutes', last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = 3, next_attempt_at = now() + interval '30 seconds';
            INSERT INTO client_reads (token_name, client, hour, reads, refused, last_at) VALUES
              ('jibit', 'client:billing', date_trunc('hour', now()), 5, 146, now()), ('jibit', 'client:crm', date_trunc('hour', now()), 5, 68, now()), ('jibit', 'client:reports', date_trunc('hour', now()), 5, 0, now())
            """);

        foreach (var path in new[] { Page, "/access/incidents", "/no/such/page" })
        {
            var page = await panel.ReadAsync(path);
            page.ShouldContain("jibit: expired, provider unreachable", customMessage: path);
            page.ShouldContain("billing and crm got no token 214 times in the last 24 h.", customMessage: path);
            page.ShouldContain("Also used in the last 24 h by reports.", customMessage: path);
            page.ShouldContain("<input type=\"hidden\" name=\"names\" value=\"jibit\">", customMessage: path);
        }

        var retried = await panel.PostAsync("/no/such/page", "/access/tokens?handler=ForceChosen", ("names", "jibit"), ("back", "/access/incidents"));
        retried.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access/incidents");
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).Version == 2, "the retry succeeds");
        (await panel.ReadAsync(Page)).ShouldContain("All systems operational");
    }

    [Fact]
    public async Task Of_two_problems_both_are_named_and_the_act_and_the_incident_are_those_of_the_worst()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = ["a", "b"] }, settings: ("TokenRefresh:Notifications:Enabled", "false"));
        await panel.Server.ObtainedAsync("a", "b");
        await panel.Server.ExecuteAsync(
            """
            UPDATE tokens SET expires_at = now() - interval '9 minutes', last_success_at = now() - interval '1 day', paused_at = now(), is_active = FALSE, pause_reason = 'p' WHERE name = 'a';
            UPDATE tokens SET last_error_code = 'credential_rejected', last_error = 'HTTP 401', consecutive_failures = 1 WHERE name = 'b';
            INSERT INTO incidents (key, kind, scope, cause, detail, subjects, told_subjects, opened_at, joined_at, flaps, reminders, told_stage, was_mailed)
            VALUES ('failed:jibit:credential_rejected', 'failed', 'jibit', 'credential_rejected', 'd', ARRAY['b'], ARRAY[]::text[], now(), now(), 0, 0, 0, FALSE)
            """);

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("1 of 2 tokens is down");
        page.ShouldContain("a: paused, expired.");
        page.ShouldContain("b: needs action, credentials refused.");
        page.ShouldContain("href=\"/access/tokens/a\">Open the token</a>");
        page.ShouldNotContain("Open incident", customMessage: "the open incident is about the other token");
    }

    [Fact]
    public async Task A_viewer_sees_what_is_wrong_without_buttons_that_would_be_refused()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { Before = ModelProvider.Failing(FailureKind.ProviderDown) });
        await RunningServer.UntilAsync(async () => (await panel.Server.LogAsync()).Any(row => row.Status == AttemptStatus.Failed), "it has failed");

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("jibit: ");
        page.ShouldNotContain("Retry now");
    }

    [Fact]
    public async Task The_steps_to_the_first_served_token_each_have_their_state_and_go_with_the_first_read()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).Version == 1, "it is obtained");
        (await panel.ReadAsync(Page)).ShouldContain("Getting started: 2 of 5 steps done");

        await panel.Server.Services.GetRequiredService<ClientKeys>().IssueAsync("billing", "jibit", "a test", default);
        (await panel.ReadAsync(Page)).ShouldContain("Getting started: 3 of 5 steps done");

        await panel.Server.ExecuteAsync("UPDATE tokens SET last_used_at = now()");
        (await panel.ReadAsync(Page)).ShouldNotContain("Getting started");
    }

    [Fact]
    public async Task Equal_failures_of_a_token_stand_in_one_line_of_the_latest_activity()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await panel.Server.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
            SELECT 'jibit', 'jibit', 'failed', 'due', 'schedule', 'HTTP 503', '{{}}'::jsonb, now() + interval '1 minute' - number * interval '1 second', 500, 1, 'n', 'provider_down' FROM generate_series(1, 14) AS number
            """);

        (await panel.ReadAsync(Page)).ShouldContain("<span class=\"times\"> ×14</span>");
    }

    [Fact]
    public async Task Every_page_says_the_same_count_of_equal_failures_and_the_overview_has_its_other_lines_before_them()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await panel.Server.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
            SELECT 'jibit', 'jibit', 'failed', 'due', 'schedule', 'HTTP 503', '{{}}'::jsonb, now() + interval '1 minute' - number * interval '1 second', 500, 1, 'n', 'provider_down' FROM generate_series(1, 47) AS number
            UNION ALL SELECT 'jibit', 'jibit', 'success', 'due', 'schedule', 'older', '{{}}'::jsonb, now() - number * interval '1 hour', 500, 1, 'n', NULL FROM generate_series(1, 5) AS number
            """);

        foreach (var path in new[] { Page, "/access/tokens/jibit", "/access/providers/jibit", "/access/token-refresh-logs", "/access/token-refresh-logs?status=failed" })
        {
            System.Text.RegularExpressions.Regex.Matches(await panel.ReadAsync(path), "class=\"times\"[^>]*> ×([0-9+]+)<").Select(count => count.Groups[1].Value).ShouldBe(["47"], path);
        }

        var overview = await panel.ReadAsync(Page);
        System.Text.RegularExpressions.Regex.Count(overview[overview.IndexOf("Latest activity", StringComparison.Ordinal)..], "href=\"/access/token-refresh-logs/\\d+\"").ShouldBe(6);
    }

    [Fact]
    public async Task Search_finds_tokens_providers_clients_incidents_and_pages()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin, new ModelProvider { TokenNames = ["fino_kyc", "fino_sms"] });
        await panel.Server.Services.GetRequiredService<ClientKeys>().IssueAsync("finance", "*", "a test", default);

        var found = await panel.ReadAsync("/access/search?q=FIN");

        found.ShouldContain("href=\"/access/tokens/fino_kyc\"");
        found.ShouldContain("finance");
        (await panel.ReadAsync("/access/search?q=jib")).ShouldContain("href=\"/access/providers/jibit\"");
        (await panel.ReadAsync("/access/search?q=activ")).ShouldContain("href=\"/access/token-refresh-logs\"");
        (await panel.ReadAsync("/access/search?q=audit")).ShouldContain("href=\"/access/audit\">Audit</a>");
        (await panel.ReadAsync("/access/search?q=users")).ShouldContain("href=\"/access/users\">Users</a>");
        (await panel.ReadAsync("/access/search?q=%3Cb%3E")).ShouldContain("Nothing matches &lt;b&gt;.");
        (await panel.ReadAsync("/access/search")).ShouldContain("Type a name, or a part of one.");
    }

    [Fact]
    public async Task Everything_that_matches_a_filter_is_refreshed_with_its_progress_and_each_result()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = ["a1", "a2", "b1"] });
        await panel.Server.ObtainedAsync("a1", "a2", "b1");
        panel.Server.Provider.Before = (_, order) => order.Name == "a2" ? ModelProvider.Failing(FailureKind.CredentialRejected)("", order) : Task.FromResult<ProviderResult?>(null);
        (await panel.ReadAsync("/access/bulk?text=a")).ShouldContain("2 matching tokens");

        var started = await panel.PostAsync("/access/bulk?text=a", "/access/bulk?text=a&handler=Force");
        var address = started.RequestMessage!.RequestUri!.AbsolutePath;
        address.ShouldBe("/access/bulk/1");
        await RunningServer.UntilAsync(async () => (await panel.Server.Services.GetRequiredService<BulkRuns>().FindAsync(1, default))!.IsDone, "both have a result");

        var page = await panel.ReadAsync(address);
        page.ShouldContain("1 refreshed, 1 failed, 0 skipped");
        page.IndexOf("/access/tokens/a2", StringComparison.Ordinal).ShouldBeLessThan(page.IndexOf("/access/tokens/a1", StringComparison.Ordinal), "failures first");
        page.ShouldNotContain("/access/tokens/b1");
        (await panel.AuditAsync()).Count(entry => entry.Action == "token.refresh_forced").ShouldBe(2);
    }

    [Fact]
    public async Task Everything_that_matches_a_filter_is_paused_and_resumed()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { TokenNames = ["a1", "a2", "b1"] });
        await panel.Server.ObtainedAsync("a1", "a2", "b1");

        var answer = await panel.PostAsync("/access/bulk?text=a", "/access/bulk?text=a&handler=Pause", ("reason", "a test"), ("hours", "4"));
        var paused = await answer.Content.ReadAsStringAsync();
        var states = await Task.WhenAll(new[] { "a1", "a2", "b1" }.Select(async name => (await panel.Server.TokenAsync(name)).PausedAt is not null));
        var resumed = await panel.SendAsync("/access/bulk?text=a", "/access/bulk?text=a&handler=Resume");

        Panel.FlashMessage(paused).ShouldStartWith("Paused 2 tokens.");
        answer.RequestMessage!.RequestUri!.PathAndQuery.ShouldBe("/access/tokens?text=a", "the list with the same filter");
        states.ShouldBe([true, true, false]);
        Panel.FlashMessage(resumed).ShouldBe("Resumed 2 tokens.");
    }
}
