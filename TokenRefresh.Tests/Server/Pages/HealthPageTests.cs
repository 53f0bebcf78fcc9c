using System.Net;
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

public sealed class HealthPageTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Page = "/access/token-health";

    [Fact]
    public async Task A_pause_of_the_due_check_is_in_the_verdict_and_the_audit_and_outlives_a_restart()
    {
        var database = await postgres.CreateMigratedDatabaseAsync();
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

    [Theory]
    [InlineData("x")]
    [InlineData("")]
    [InlineData("9")]
    public async Task A_test_on_a_channel_that_there_is_not_is_sent_to_nobody(string channel)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, settings: ("TokenRefresh:Notifications:Email", "ops@example.com"));

        (await panel.PostAsync(Page, $"{Page}?handler=Test", ("channel", channel))).StatusCode.ShouldBe(System.Net.HttpStatusCode.NotFound);

        (await panel.AuditAsync()).ShouldNotContain(entry => entry.Action == "notification.tested");
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
        await using var panel = await shared.OpenAsync(Role.Operator);

        Panel.FlashMessage(await (await PauseAsync(panel, job, reason, hours)).Content.ReadAsStringAsync()).ShouldStartWith(said);

        Find(panel.Server, job).NextExecution.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_viewer_changes_nothing_and_an_unknown_job_is_not_found()
    {
        await using var viewer = await Panel.OpenAsync(postgres, Role.Viewer);
        await using var person = await Panel.OpenAsync(postgres, Role.Operator);

        foreach (var handler in new[] { "Pause", "Resume", "Run" })
        {
            (await viewer.PostAsync("/access/tokens", $"{Page}?handler={handler}", ("id", RecurringJobIds.LogCleanup), ("reason", "r"), ("hours", "1"), ("provider", "jibit"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden, handler);
            (await person.PostAsync("/access/tokens", $"{Page}?handler={handler}", ("id", "no-such-job"), ("reason", "r"), ("hours", "1"), ("provider", "nobody"))).StatusCode.ShouldBe(HttpStatusCode.NotFound, handler);
        }

        (await viewer.ReadAsync(Page)).ShouldNotContain("Run now");
    }

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
