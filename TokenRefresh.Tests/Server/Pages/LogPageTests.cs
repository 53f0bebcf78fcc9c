using System.Net;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class LogPageTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("/access/token-refresh-logs", 99)]
    [InlineData("/access/audit", 199)]
    public async Task A_text_to_search_for_that_is_cut_in_the_middle_of_a_sign_is_searched_for_without_it(string path, int before)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        (await panel.Http.GetAsync($"{path}?text={new string('x', before)}{Uri.EscapeDataString("😀")}")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task New_rows_are_announced_with_a_link_and_only_where_the_filter_fits()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        var all = await AddressOfNewsAsync(panel, "/access/token-refresh-logs?skips=true");
        var failed = await AddressOfNewsAsync(panel, "/access/token-refresh-logs?status=failed");
        (await panel.ReadAsync(all)).ShouldNotContain("<a");

        await SkipAsync(panel);
        await SkipAsync(panel);

        (await panel.ReadAsync(all)).ShouldContain(">2 new rows</a>");
        (await panel.ReadAsync(failed)).ShouldNotContain("<a");
    }

    [Fact]
    public async Task A_running_attempt_that_has_ended_is_announced_too()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, "UPDATE token_refresh_logs SET status = 'running'");
        var news = await AddressOfNewsAsync(panel, "/access/token-refresh-logs");

        await ExecuteAsync(panel, "UPDATE token_refresh_logs SET status = 'success'");

        (await panel.ReadAsync(news)).ShouldContain(">1 running attempt has ended</a>");
    }

    [Theory]
    [InlineData("order=Longest", "descending", "Duration")]
    [InlineData("order=shortest", "ascending", "Duration")]
    [InlineData("order=oldest", "ascending", "Started")]
    [InlineData("", "descending", "Started")]
    public async Task The_heading_says_how_rows_are_sorted_and_keeps_the_filters(string query, string sorted, string heading)
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var page = await panel.ReadAsync($"/access/token-refresh-logs?provider=jibit&{query}");

        Heading().Matches(page).Where(match => match.Groups[1].Value == sorted).ShouldHaveSingleItem().Groups[3].Value.ShouldBe(heading);
        Heading().Match(page).Groups[2].Value.ShouldContain("provider=jibit");
    }

    [Fact]
    public async Task What_is_not_understood_is_told_and_left_out()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var page = await panel.ReadAsync("/access/token-refresh-logs?status=%3Cb%3Eodd%3C/b%3E&from=yesterday&hours=-3&order=9&trigger=odd&provider=jibit");

        foreach (var part in new[] { "status: &lt;b&gt;odd&lt;/b&gt;", "from: yesterday", "hours: -3", "order: 9", "trigger: odd" })
        {
            page.ShouldContain($"Invalid filter, ignored: {part}");
        }

        page.ShouldContain("href=\"/access/token-refresh-logs/1\"");
    }

    [Fact]
    public async Task From_and_until_are_in_the_zone_of_the_settings()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, "UPDATE token_refresh_logs SET started_at = '2026-03-01T08:30:00Z'");

        // Half past eight is noon in Tehran.
        (await panel.ReadAsync("/access/token-refresh-logs?from=2026-03-01T12:00&until=2026-03-01T12:01")).ShouldContain("href=\"/access/token-refresh-logs/1\"");
        (await panel.ReadAsync("/access/token-refresh-logs?from=2026-03-01T12:01")).ShouldContain("No attempts match.");
        (await panel.ReadAsync("/access/token-refresh-logs?from=2026-02-01T00:00&until=2026-03-01T12:00")).ShouldContain("No attempts match.");
    }

    [Fact]
    public async Task A_jobs_attempts_are_found_however_old_they_are()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, "UPDATE token_refresh_logs SET started_at = started_at - interval '2 years', job_id = '4711'");

        (await panel.ReadAsync("/access/token-refresh-logs?job=4711")).ShouldContain("href=\"/access/token-refresh-logs/1\"");
        (await panel.ReadAsync("/access/token-refresh-logs?job=4712")).ShouldContain("No attempts match.");
    }

    [Fact]
    public async Task An_attempt_shows_until_when_the_token_worked_before_and_after_and_exports_have_both()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, """UPDATE token_refresh_logs SET old_expires_at = '2026-03-01T08:30:00Z', new_expires_at = '2026-03-02T08:30:00+00:00'""");

        var page = await panel.ReadAsync("/access/token-refresh-logs/1");
        page.ShouldContain(">2026-03-01 12:00:00</time>");
        page.ShouldContain(">2026-03-02 12:00:00</time>");
        (await panel.ReadAsync("/access/token-refresh-logs?handler=Export&format=csv")).ShouldContain(",2026-03-01T08:30:00.000Z,2026-03-02T08:30:00.000Z,");
        var json = System.Text.Json.JsonDocument.Parse(await panel.ReadAsync("/access/token-refresh-logs?handler=Export&format=json")).RootElement[0];
        json.GetProperty("old_expires_at").GetDateTimeOffset().ShouldBe(new(2026, 3, 1, 8, 30, 0, TimeSpan.Zero));
        json.GetProperty("new_expires_at").GetDateTimeOffset().ShouldBe(new(2026, 3, 2, 8, 30, 0, TimeSpan.Zero));
    }

    [Fact]
    public async Task What_was_odd_about_an_answer_stands_on_the_attempts_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, """UPDATE token_refresh_logs SET metadata = '{{"notes":["token_type is <b>: read as bearer"]}}'""");

        (await panel.ReadAsync("/access/token-refresh-logs/1")).ShouldContain("<dt>Notes</dt><dd><div><bdi>token_type is &lt;b&gt;: read as bearer</bdi></div></dd>");
    }

    [Theory]
    [InlineData("""{"old_expires_at":17,"new_expires_at":"soon"}""")]
    [InlineData("""{"steps":[],"notes":7}""")]
    [InlineData("""{}""")]
    public async Task Metadata_of_another_shape_breaks_no_page(string metadata)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, $"UPDATE token_refresh_logs SET metadata = '{metadata.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal)}'");

        foreach (var path in new[] { "/access/token-refresh-logs", "/access/token-refresh-logs/1", "/access/token-refresh-logs?handler=Export&format=csv" })
        {
            (await panel.Http.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK, path);
        }
    }

    [Fact]
    public async Task A_trigger_comes_back_to_the_filters_and_to_no_other_site()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);

        var kept = await panel.PostAsync("/access/token-refresh-logs", "/access/token-refresh-logs?handler=Trigger", ("token", "jibit"), ("back", "/access/token-refresh-logs?provider=jibit"));
        var foreign = await panel.PostAsync("/access/token-refresh-logs", "/access/token-refresh-logs?handler=Trigger", ("token", "jibit"), ("back", "https://example.com/"));
        var unknown = await panel.PostAsync("/access/token-refresh-logs", "/access/token-refresh-logs?handler=Trigger", ("token", "jibit"), ("provider", "finnotech"));

        kept.RequestMessage!.RequestUri!.PathAndQuery.ShouldBe("/access/token-refresh-logs?provider=jibit");
        foreign.RequestMessage!.RequestUri!.Host.ShouldBe("127.0.0.1");
        Panel.FlashMessage(await unknown.Content.ReadAsStringAsync()).ShouldBe("This provider has no token with that name.");
    }

    [Fact]
    public async Task Figures_charts_and_the_matrix_are_of_the_token_that_is_asked_for()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
            SELECT 'finnotech', 'fino', 'failed', 'due', 'schedule', '', '{{}}', now() - number * interval '2 days', 500, 1, 'n', 'rate_limited' FROM generate_series(0, 9) AS number
            """);

        var page = await panel.ReadAsync("/access/token-refresh-logs?token=fino");

        Cells().Matches(page).Select(match => match.Groups[1].Value).Take(3).ShouldBe(["1", "4", "10"]);
        page.ShouldContain("1 of 1 attempts failed in 24 hours.");
        page.ShouldContain("0 succeeded, 1 failed, 0 skipped");
        (await panel.ReadAsync("/access/token-refresh-logs?token=jibit")).ShouldContain("No failures in 30 days.");
    }

    [Fact]
    public async Task Attempts_that_found_nothing_to_do_are_shown_and_exported_only_when_asked_for()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await SkipAsync(panel);

        (await panel.ReadAsync("/access/token-refresh-logs")).ShouldNotContain("<span class=\"state\">Skipped</span>");
        (await panel.ReadAsync("/access/token-refresh-logs?skips=true")).ShouldContain("<span class=\"state\">Skipped</span>");
        (await panel.ReadAsync("/access/token-refresh-logs?status=skipped")).ShouldContain("<span class=\"state\">Skipped</span>");
        (await panel.ReadAsync("/access/token-refresh-logs?handler=Export&format=csv")).ShouldNotContain(",skipped,");
    }

    [Fact]
    public async Task Equal_failures_of_a_token_in_a_row_are_one_line_with_their_count()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
            SELECT 'finnotech', 'fino', 'failed', 'due', 'schedule', '', '{{}}', now() - number * interval '1 minute', 500, 1, 'n', CASE number WHEN 3 THEN 'rate_limited' ELSE 'provider_down' END FROM generate_series(1, 5) AS number
            """);

        var counts = System.Text.RegularExpressions.Regex.Matches(await panel.ReadAsync("/access/token-refresh-logs?token=fino"), "×(\\d+)");

        counts.Select(count => count.Groups[1].Value).ShouldBe(["2", "2"], "another reason lies between");
    }

    [Fact]
    public async Task Failures_between_which_a_success_lies_are_two_lines_also_where_only_failures_are_shown()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await ExecuteAsync(panel, """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
            SELECT 'finnotech', 'fino', CASE number WHEN 3 THEN 'success' ELSE 'failed' END, 'due', 'schedule', '', '{{}}', now() - number * interval '1 minute', 500, 1, 'n', CASE number WHEN 3 THEN NULL ELSE 'provider_down' END FROM generate_series(1, 6) AS number
            """);

        var counts = System.Text.RegularExpressions.Regex.Matches(await panel.ReadAsync("/access/token-refresh-logs?token=fino&status=failed"), "×(\\d+)");

        counts.Select(count => count.Groups[1].Value).ShouldBe(["2", "3"]);
    }

    [Fact]
    public async Task The_heading_names_its_own_period_where_the_rows_are_of_another()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var whole = await panel.ReadAsync("/access/token-refresh-logs");
        var bar = await panel.ReadAsync("/access/token-refresh-logs?from=2026-03-01T10:00&until=2026-03-01T11:00");

        whole.ShouldNotContain("The last 24 hours, whatever period is shown.");
        bar.ShouldContain("The last 24 hours, whatever period is shown.");
        bar.ShouldContain("<option value=\"\" selected>own period</option>");
        bar.ShouldNotContain("<option value=\"24\" selected");
    }

    private static Task<RefreshOutcome> SkipAsync(Panel panel) => panel.Server.Services.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Manual, "a test"), default);

    private static async Task<string> AddressOfNewsAsync(Panel panel, string page) => WebUtility.HtmlDecode(News().Match(await panel.ReadAsync(page)).Groups[1].Value);

    private static async Task ExecuteAsync(Panel panel, string sql)
    {
        await using var db = await panel.Server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        await db.Database.ExecuteSqlRawAsync(sql);
    }

    [GeneratedRegex("<p id=\"news\"[^>]* data-renew=\"([^\"]+)\"")]
    private static partial Regex News();

    [GeneratedRegex("<th[^>]* aria-sort=\"([a-z]+)\"><a href=\"([^\"]+)\">([A-Za-z]+)</a>")]
    private static partial Regex Heading();

    [GeneratedRegex("error=rate_limited[^>]*>(\\d+)</a>")]
    private static partial Regex Cells();
}
