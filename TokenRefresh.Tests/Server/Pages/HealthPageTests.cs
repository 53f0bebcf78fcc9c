using System.Net;
using System.Text.Json;
using Hangfire;
using Hangfire.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class HealthPageTests(PostgresFixture postgres)
{
    private const string Page = "/access/token-health";

    [Fact]
    public async Task The_last_week_is_drawn_with_what_came_of_the_attempts_and_how_long_they_took()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);

        var page = await panel.ReadAsync(Page);

        page.ShouldContain(">Attempts per hour<");
        page.ShouldContain(">Average duration per hour<");
        page.ShouldContain("1 succeeded, 0 failed, ");
    }

    [Fact]
    public async Task A_pause_of_the_due_check_is_in_the_verdict_and_the_audit_and_outlives_a_restart()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using (var panel = await Panel.OpenAsync(postgres, Role.Operator, connectionString: database))
        {
            var said = Panel.FlashMessage(await (await PauseAsync(panel, RecurringJobIds.DueTokenRefresh, "moving <b>house</b>", "2")).Content.ReadAsStringAsync());

            said.ShouldStartWith("Paused due-token-refresh until ");
            (await panel.ReadAsync(Page)).ShouldContain("due-token-refresh: paused by user:Operator until");
            (await panel.ReadAsync(Page)).ShouldContain("(moving &lt;b&gt;house&lt;/b&gt;)");
            (await panel.Server.Services.GetRequiredService<AuditTrail>().RecentAsync(1, null, default))[0].Action.ShouldBe("schedule.paused");
        }

        await using var restarted = await RunningServer.StartAsync(postgres, database);
        await restarted.Services.GetRequiredService<RecurringJobs>().InstallAsync(default);
        Find(restarted, RecurringJobIds.DueTokenRefresh).NextExecution.ShouldBeNull();
        Find(restarted, RecurringJobIds.AutomaticTokenRefresh).NextExecution.ShouldNotBeNull();
        await restarted.Services.GetRequiredService<RecurringJobs>().ResumeAsync(RecurringJobIds.DueTokenRefresh, default);
        Find(restarted, RecurringJobIds.DueTokenRefresh).NextExecution.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_paused_job_can_be_run_by_hand_and_goes_on_when_it_is_resumed()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        await PauseAsync(panel, RecurringJobIds.LogCleanup, "a test", "24");
        Find(panel.Server, RecurringJobIds.LogCleanup).NextExecution.ShouldBeNull();

        await panel.PostAsync(Page, $"{Page}?handler=Run", ("id", RecurringJobIds.LogCleanup));
        await RunningServer.UntilAsync(() => Task.FromResult(Find(panel.Server, RecurringJobIds.LogCleanup).LastJobState == "Succeeded"), "it has run");
        await panel.PostAsync(Page, $"{Page}?handler=Resume", ("id", RecurringJobIds.LogCleanup));

        Find(panel.Server, RecurringJobIds.LogCleanup).NextExecution.ShouldNotBeNull();
        (await panel.ReadAsync(Page)).ShouldContain("All systems operational");
    }

    [Fact]
    public async Task A_pause_ends_by_itself()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        await PauseAsync(panel, RecurringJobIds.DueTokenRefresh, "a test", "1");
        await using (var db = await panel.Server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.ExecuteSqlAsync($"UPDATE timetable_pauses SET until = now() - interval '1 second'");
        }

        await panel.Server.Services.GetRequiredService<RecurringJobs>().InstallAsync(default);

        Find(panel.Server, RecurringJobIds.DueTokenRefresh).NextExecution.ShouldNotBeNull();
        (await panel.ReadAsync(Page)).ShouldNotContain("paused by");
    }

    [Theory]
    [InlineData("due-token-refresh", "", "1", "Enter a reason")]
    [InlineData("due-token-refresh", "why", "", "due-token-refresh can be paused for more than 0 and at most 12 hours")]
    [InlineData("due-token-refresh", "why", "0", "due-token-refresh can be paused for more than 0 and at most 12 hours")]
    [InlineData("due-token-refresh", "why", "-1", "due-token-refresh can be paused")]
    [InlineData("due-token-refresh", "why", "12.5", "due-token-refresh can be paused")]
    [InlineData("due-token-refresh", "why", "NaN", "due-token-refresh can be paused")]
    [InlineData("log-cleanup", "why", "800", "log-cleanup can be paused for more than 0 and at most 744 hours")]
    public async Task A_pause_without_a_reason_or_a_fair_end_is_refused(string job, string reason, string hours, string said)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);

        Panel.FlashMessage(await (await PauseAsync(panel, job, reason, hours)).Content.ReadAsStringAsync()).ShouldStartWith(said);

        Find(panel.Server, job).NextExecution.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_viewer_changes_nothing_and_an_unknown_job_is_not_found()
    {
        await using var viewer = await Panel.OpenAsync(postgres, Role.Viewer);
        await using var person = await Panel.OpenAsync(postgres, Role.Operator);

        foreach (var handler in new[] { "Pause", "Resume", "Run", "Sandbox" })
        {
            (await viewer.PostAsync("/access/tokens", $"{Page}?handler={handler}", ("id", RecurringJobIds.LogCleanup), ("reason", "r"), ("hours", "1"), ("provider", "jibit"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden, handler);
            (await person.PostAsync("/access/tokens", $"{Page}?handler={handler}", ("id", "no-such-job"), ("reason", "r"), ("hours", "1"), ("provider", "nobody"))).StatusCode.ShouldBe(HttpStatusCode.NotFound, handler);
        }

        (await viewer.ReadAsync(Page)).ShouldNotContain("Run now");
        (await viewer.ReadAsync(Page)).ShouldNotContain("Rehearse an outage");
    }

    [Fact]
    public async Task The_time_line_and_its_table_say_until_when_each_token_works_and_who_dies_first()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { TokenNames = ["late", "early"] });
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync("late")).Version == 1 && (await panel.Server.TokenAsync("early")).Version == 1, "both are obtained");
        await using (var db = await panel.Server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.ExecuteSqlAsync($"UPDATE tokens SET expires_at = '2099-03-01T08:30:00Z' WHERE name = 'late'");
            await db.Database.ExecuteSqlAsync($"UPDATE tokens SET expires_at = '2098-03-01T08:30:00Z' WHERE name = 'early'");
        }

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("jibit: early valid until 2098-03-01 12:00; late valid until 2099-03-01 12:00.");
        page.IndexOf("href=\"/access/tokens/early\"", StringComparison.Ordinal).ShouldBeLessThan(page.IndexOf("href=\"/access/tokens/late\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_sandboxs_card_lets_a_stand_in_fail_and_brings_it_back()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, withSandbox: true);
        (await panel.ReadAsync(Page)).ShouldContain("Rehearse an outage");

        var down = await (await panel.PostAsync(Page, $"{Page}?handler=Sandbox", ("provider", "jibit"), ("mode", "down"), ("failNext", "3"), ("lifetime", "60"))).Content.ReadAsStringAsync();
        var set = await BehaviourAsync(panel);
        var wrong = await (await panel.PostAsync(Page, $"{Page}?handler=Sandbox", ("provider", "jibit"), ("mode", "odd"), ("lifetime", "never"))).Content.ReadAsStringAsync();
        await panel.PostAsync(Page, $"{Page}?handler=Sandbox", ("provider", "jibit"));
        var normal = await BehaviourAsync(panel);

        Panel.FlashMessage(down).ShouldBe("Sandbox provider jibit: down.");
        (set.GetProperty("mode").GetString(), set.GetProperty("fail_next").GetInt32(), set.GetProperty("lifetime_seconds").GetInt32()).ShouldBe(("down", 3, 60));
        Panel.FlashMessage(wrong).ShouldStartWith("Nothing was changed. mode: Allowed: normal, down,");
        normal.GetProperty("mode").GetString().ShouldBe("normal");
    }

    private static async Task<JsonElement> BehaviourAsync(Panel panel) => JsonDocument.Parse(await panel.ReadAsync("/sandbox/jibit/behaviour")).RootElement;

    private static async Task<HttpResponseMessage> PauseAsync(Panel panel, string job, string reason, string hours)
    {
        await RunningServer.UntilAsync(() => Task.FromResult(Jobs(panel.Server).Any(each => each.Id == job)), "the timetable is installed");
        return await panel.PostAsync(Page, $"{Page}?handler=Pause", ("id", job), ("reason", reason), ("hours", hours));
    }

    private static RecurringJobDto Find(RunningServer server, string id) => Jobs(server).Single(job => job.Id == id);

    private static List<RecurringJobDto> Jobs(RunningServer server)
    {
        using var connection = server.Services.GetRequiredService<JobStorage>().GetConnection();
        return connection.GetRecurringJobs();
    }
}
