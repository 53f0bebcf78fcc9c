using System.Collections;
using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using Hangfire;
using Hangfire.Common;
using Hangfire.Dashboard;
using Hangfire.Storage;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class JobsDashboardTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_viewer_changes_nothing_by_any_route_of_the_dashboard()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) });
        var monitor = panel.Server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();
        await RunningServer.UntilAsync(() => Task.FromResult(monitor.FailedCount() == 1), "a job has failed");
        var id = monitor.FailedJobs(0, 1).Single().Key;
        await panel.ReadAsync("/hangfire");
        var before = State(panel, id);
        var token = Forgery().Match(await panel.ReadAsync("/access/tokens")).Groups[1].Value;

        var routes = Routes().ToList();
        foreach (var route in routes)
        {
            foreach (var method in new[] { HttpMethod.Post, HttpMethod.Get })
            {
                using var request = new HttpRequestMessage(method, $"/hangfire{route.Replace("{id}", id, StringComparison.Ordinal)}") { Headers = { { "RequestVerificationToken", token } } };
                if (method == HttpMethod.Post)
                {
                    request.Content = new FormUrlEncodedContent([new("jobs[]", id), new("jobs[]", RecurringJobIds.LogCleanup)]);
                }

                var answer = await panel.Http.SendAsync(request);
                if (Command().IsMatch(route))
                {
                    ((int)answer.StatusCode).ShouldBeGreaterThanOrEqualTo(400, $"{method} {route}");
                }
            }
        }

        routes.Count(Command().IsMatch).ShouldBeGreaterThan(8);
        State(panel, id).ShouldBe(before);
    }

    [Fact]
    public async Task An_operator_requeues_a_failed_job_on_the_dashboard()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator, new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) });
        var monitor = panel.Server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();
        await RunningServer.UntilAsync(() => Task.FromResult(monitor.FailedCount() == 1), "a job has failed");
        var id = monitor.FailedJobs(0, 1).Single().Key;
        panel.Server.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/hangfire/jobs/actions/requeue/{id}") { Headers = { { "RequestVerificationToken", Forgery().Match(await panel.ReadAsync("/access/tokens")).Groups[1].Value } } };

        (await panel.Http.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        await RunningServer.UntilAsync(() => Task.FromResult(monitor.JobDetails(id).History[0].StateName == "Succeeded"), "it has run again");
    }

    [Fact]
    public async Task Its_pages_name_tokens_link_back_and_count_ours_without_a_connection_string()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        var job = (await panel.Server.LogAsync())[0].JobId;

        var overview = await panel.ReadAsync("/hangfire");
        var details = await panel.ReadAsync($"/hangfire/jobs/details/{job}");

        overview.ShouldContain("Tokens that need attention");
        overview.ShouldContain("Failed attempts, 24 h");
        overview.ShouldContain("href=\"/access/token-refresh-logs\"");
        details.ShouldContain("jibit: due, by schedule");
        details.ShouldContain($"href=\"/access/token-refresh-logs?job={job}#attempts\"");
        (overview + details).ShouldNotContain("Host=");
        (await panel.ReadAsync($"/access/token-refresh-logs?job={job}")).ShouldContain("href=\"/access/token-refresh-logs/1\"");
        (await panel.ReadAsync("/access/token-refresh-logs/1")).ShouldContain($"href=\"/hangfire/jobs/details/{job}\"");
    }

    [Fact]
    public void A_job_of_many_tokens_names_the_first()
    {
        string[] names = ["a", "b", "c", "d", "e"];
        JobsDashboard.Name(Job.FromExpression<RefreshTokensJob>(job => job.RunAsync(names, "on_demand", "api:billing", null!, CancellationToken.None))).ShouldBe("a, b, c and 2 more: on demand, by api:billing");
        JobsDashboard.Name(Job.FromExpression<DueRefreshJob>(job => job.RunAsync(CancellationToken.None))).ShouldBe("Due check");
    }

    // Hangfire keeps its routes in a list that nothing public shows; each is a pattern.
    private static IEnumerable<string> Routes()
    {
        var routes = DashboardRoutes.Routes;
        var field = routes.GetType().GetFields(BindingFlags.Instance | BindingFlags.NonPublic).Single(field => typeof(IEnumerable).IsAssignableFrom(field.FieldType));
        return ((IEnumerable)field.GetValue(routes)!).Cast<object>()
            .Select(route => (string)route.GetType().GetProperty("Item1")!.GetValue(route)!)
            .Select(pattern => Group().Replace(pattern, "{id}").Replace("\\", "", StringComparison.Ordinal));
    }

    private static string State(Panel panel, string id)
    {
        var storage = panel.Server.Services.GetRequiredService<JobStorage>();
        using var connection = storage.GetConnection();
        var counts = storage.GetMonitoringApi().GetStatistics();
        return $"{storage.GetMonitoringApi().JobDetails(id).History.Count} {counts.Failed} {counts.Deleted} {counts.Enqueued} {counts.Scheduled} {counts.Recurring} "
            + string.Join(' ', connection.GetRecurringJobs().OrderBy(job => job.Id).Select(job => $"{job.Id} {job.LastJobId} {job.Cron}"));
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex Forgery();

    [GeneratedRegex(@"\(\?<[A-Za-z]+>[^)]*\)")]
    private static partial Regex Group();

    [GeneratedRegex(@"/(requeue|delete|enqueue|trigger|remove)(/\{id\})?$")]
    private static partial Regex Command();
}
