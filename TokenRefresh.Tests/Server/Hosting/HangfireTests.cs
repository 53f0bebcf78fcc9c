using System.Net;
using Hangfire;
using Hangfire.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class HangfireTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_started_server_obtains_its_tokens_by_itself_and_is_fresh()
    {
        await using var server = await RunningServer.StartAsync(postgres);

        await RunningServer.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).StatusCode == HttpStatusCode.OK, "the tokens are fresh");

        (await server.LogAsync()).ShouldHaveSingleItem().TriggerType.ShouldBe(RefreshTrigger.Due);
    }

    [Fact]
    public async Task While_the_first_token_is_on_its_way_nothing_is_wrong_and_the_probe_does_not_say_fresh()
    {
        var answer = new TaskCompletionSource<ProviderResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var provider = new ModelProvider { Before = (_, _) => answer.Task };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider);
        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Count == 1, "the first attempt runs");

        var probe = await server.Http.GetAsync("/health/fresh");
        var said = await probe.Content.ReadAsStringAsync();
        answer.SetResult(null);

        probe.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        said.ShouldBe("""{"status":"a token is pending","overall":"operational"}""");
    }

    [Fact]
    public async Task Two_hosts_in_one_process_run_each_its_own_jobs()
    {
        await using var first = await RunningServer.StartAsync(postgres);
        await using var second = await RunningServer.StartAsync(postgres);

        first.Services.GetRequiredService<Hangfire.JobActivator>().ShouldNotBeSameAs(second.Services.GetRequiredService<Hangfire.JobActivator>());
        using var scope = first.Services.GetRequiredService<Hangfire.JobActivator>().BeginScope((Hangfire.JobActivatorContext)null!);
        scope.Resolve(typeof(RefreshQueue)).ShouldBeSameAs(first.Queue);
    }

    [Fact]
    public async Task Two_failures_and_a_good_answer_are_three_calls_a_backoff_apart_and_three_rows_of_one_job()
    {
        var answers = new Queue<bool>([false, false, true]);
        var provider = new ModelProvider();
        provider.Before = (_, _) => answers.Dequeue() ? Task.FromResult<ProviderResult?>(null) : ModelProvider.Failing(FailureKind.ProviderDown)("", null!);
        await using var server = await RunningServer.StartAsync(postgres, provider: provider, settings: ("TokenRefresh:Schedule:Backoff", "00:00:03"));

        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Any(row => row.Status == AttemptStatus.Success), "the third attempt succeeds");

        var rows = await server.LogAsync();
        rows.Select(row => (row.Status, row.Attempt)).ShouldBe([(AttemptStatus.Failed, 1), (AttemptStatus.Failed, 2), (AttemptStatus.Success, 3)]);
        rows.Select(row => row.JobId).Distinct().ShouldHaveSingleItem();
        rows.Zip(rows.Skip(1), (one, next) => next.StartedAt - one.CompletedAt!.Value).ShouldAllBe(gap => gap > TimeSpan.FromSeconds(1.5), "Hangfire keeps whole seconds");
        provider.Calls.Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_dead_provider_is_called_once_and_three_times_again_then_the_job_has_failed_and_a_pause_is_stored()
    {
        var provider = new ModelProvider { Before = ModelProvider.Failing(FailureKind.ProviderDown) };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider);
        var monitor = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();

        await RunningServer.UntilAsync(() => Task.FromResult(monitor.FailedCount() == 1), "the job has failed");

        provider.Calls.Count.ShouldBe(4);
        var token = await server.TokenAsync();
        token.NextAttemptAt.ShouldNotBeNull();
        token.RetryJobId.ShouldBeNull();
        monitor.FailedJobs(0, 1)[0].Value.ExceptionMessage.ShouldBe("jibit: provider_down, HTTP 503");
    }

    [Fact]
    public async Task Refused_credentials_are_not_retried()
    {
        var provider = new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider);
        var monitor = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();

        await RunningServer.UntilAsync(() => Task.FromResult(monitor.FailedCount() == 1), "the job has failed");

        provider.Calls.Count.ShouldBe(1);
        (await server.LogAsync()).ShouldHaveSingleItem().ErrorCode.ShouldBe("credential_rejected");
    }

    [Fact]
    public async Task A_job_that_failed_is_kept_until_it_is_older_than_asked_for()
    {
        await using var server = await RunningServer.StartAsync(postgres, provider: new ModelProvider { Before = ModelProvider.Failing(FailureKind.CredentialRejected) });
        var monitor = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();
        await RunningServer.UntilAsync(() => Task.FromResult(monitor.FailedCount() == 1), "the job has failed");
        var queue = server.Services.GetRequiredService<QueueView>();
        var failedAt = new DateTimeOffset(DateTime.SpecifyKind(monitor.FailedJobs(0, 1)[0].Value.FailedAt!.Value, DateTimeKind.Utc));

        queue.DeleteFailed(failedAt).ShouldBe(0);
        queue.DeleteFailed(failedAt.AddSeconds(1)).ShouldBe(1);
        monitor.FailedCount().ShouldBe(0);
    }

    [Theory]
    [InlineData(FailureKind.CredentialRejected, 1)]
    [InlineData(FailureKind.ProviderDown, 2)]
    public async Task A_failed_job_that_a_person_enqueues_again_tries_again_whatever_it_failed_for(FailureKind kind, int calls)
    {
        var provider = new ModelProvider { Before = ModelProvider.Failing(kind) };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider, settings: ("TokenRefresh:Schedule:Retries", "1"));
        var monitor = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();
        await RunningServer.UntilAsync(() => Task.FromResult(monitor.FailedCount() == 1), "the job has failed");
        provider.Calls.Count.ShouldBe(calls);
        provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);

        server.Services.GetRequiredService<QueueView>().RequeueFailed("a person").ShouldBe(1);

        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Any(row => row.Status == AttemptStatus.Success), "the token is obtained");
        var row = (await server.LogAsync())[^1];
        (row.TriggerType, row.TriggeredBy, row.Attempt).ShouldBe((RefreshTrigger.Manual, "a person", 1));
        monitor.FailedCount().ShouldBe(0);
    }

    [Fact]
    public async Task A_retry_is_not_made_before_the_provider_allows_it()
    {
        var provider = new ModelProvider { Before = ModelProvider.Failing(FailureKind.RateLimited, TimeSpan.FromMinutes(10)) };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider);
        var monitor = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();

        await RunningServer.UntilAsync(() => Task.FromResult(monitor.ScheduledCount() == 1), "the retry is scheduled");

        var retry = monitor.ScheduledJobs(0, 1)[0].Value;
        (retry.EnqueueAt - retry.ScheduledAt!.Value).ShouldBeGreaterThan(TimeSpan.FromMinutes(9));
    }

    [Fact]
    public async Task A_job_of_several_tokens_retries_only_those_that_are_not_settled()
    {
        var provider = new ModelProvider { TokenNames = ["a", "b", "c"] };
        var failuresOfB = 2;
        provider.Before = (_, order) => order.Name switch
        {
            "b" when Interlocked.Decrement(ref failuresOfB) >= 0 => ModelProvider.Failing(FailureKind.ProviderDown)("", order),
            "c" => ModelProvider.Failing(FailureKind.CredentialRejected)("", order),
            _ => Task.FromResult<ProviderResult?>(null),
        };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider, settings: ("TokenRefresh:Performance:BatchSize", "3"));
        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Count(row => row.Status is AttemptStatus.Success) == 2, "a and b succeed");

        provider.Calls.Count(call => call == "acquire:a").ShouldBe(1);
        provider.Calls.Count(call => call == "acquire:b").ShouldBe(3);
        provider.Calls.Count(call => call == "acquire:c").ShouldBe(1);
    }

    [Fact]
    public async Task The_limit_of_a_job_ends_a_call_that_takes_longer_and_the_row_says_so()
    {
        var provider = new ModelProvider { Before = (_, _) => new TaskCompletionSource<ProviderResult?>().Task };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider, settings: [("TokenRefresh:Schedule:Timeout", "00:00:01"), ("TokenRefresh:Schedule:Retries", "0")]);

        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Any(row => row.Status == AttemptStatus.Failed), "the attempt has failed");

        (await server.LogAsync())[0].ErrorDetails.ShouldBe("stopped by the job's timeout");
    }

    [Fact]
    public async Task The_timetable_holds_the_six_jobs_in_the_configured_zone_and_no_strays()
    {
        await using var server = await RunningServer.StartAsync(postgres, settings: ("TokenRefresh:Schedule:Cron", "5 4 * * *"));
        await RunningServer.UntilAsync(() => Task.FromResult(Recurring(server).Count == 6), "the timetable is installed");
        server.Services.GetRequiredService<IRecurringJobManager>().AddOrUpdate("stray-of-an-older-version", () => Console.WriteLine(), "0 0 * * *");

        await server.Services.GetRequiredService<RecurringJobs>().InstallAsync(default);

        var jobs = Recurring(server);
        jobs.Select(job => job.Id).Order().ShouldBe(["automatic-token-refresh", "backup-token-refresh", "daily-summary", "due-token-refresh", "log-cleanup", "token-health-check"]);
        jobs.ShouldAllBe(job => job.TimeZoneId == "Asia/Tehran");
        jobs.Single(job => job.Id == "automatic-token-refresh").Cron.ShouldBe("5 4 * * *");
    }

    [Fact]
    public async Task Crons_zone_queue_and_workers_are_those_of_the_settings()
    {
        await using var server = await RunningServer.StartAsync(postgres, settings:
        [
            ("TokenRefresh:Schedule:DueCheckCron", "*/20 0 * * * *"), ("TokenRefresh:Schedule:TimeZone", "Europe/Berlin"), ("TokenRefresh:Backup:Cron", "7 7 * * *"),
            ("TokenRefresh:Queue:Name", "keys"), ("TokenRefresh:Queue:Workers", "2"),
        ]);
        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Any(row => row.Status == AttemptStatus.Success), "the token is obtained through that queue");

        var jobs = Recurring(server);
        jobs.ShouldAllBe(job => job.TimeZoneId == "Europe/Berlin");
        jobs.Single(job => job.Id == "due-token-refresh").Cron.ShouldBe("*/20 0 * * * *");
        jobs.Single(job => job.Id == "backup-token-refresh").Cron.ShouldBe("7 7 * * *");
        var monitor = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();
        var alive = monitor.Servers().Single(each => !each.Queues.Contains(DeliveryQueue.Name));
        (alive.WorkersCount, string.Join(' ', alive.Queues)).ShouldBe((2, "keys default"));
        monitor.SucceededJobs(0, 100).Where(job => job.Value.Job.Queue != DeliveryQueue.Name).ShouldAllBe(job => job.Value.Job.Queue == "keys");
    }

    [Fact]
    public async Task A_recurring_job_that_hangfire_has_disabled_after_errors_comes_back()
    {
        await using var server = await RunningServer.StartAsync(postgres);
        await RunningServer.UntilAsync(() => Task.FromResult(Recurring(server).Count == 6), "the timetable is installed");
        DisableAsHangfireDoes(server, "automatic-token-refresh");
        Recurring(server).Single(job => job.Id == "automatic-token-refresh").NextExecution.ShouldBeNull();

        await server.Services.GetRequiredService<RecurringJobs>().InstallAsync(CancellationToken.None);

        var job = Recurring(server).Single(job => job.Id == "automatic-token-refresh");
        job.NextExecution.ShouldNotBeNull();
        job.Error.ShouldBeNullOrEmpty();
    }

    [Fact]
    public async Task A_backup_that_is_switched_off_leaves_the_timetable()
    {
        await using var server = await RunningServer.StartAsync(postgres, settings: ("TokenRefresh:Backup:Enabled", "false"));

        await RunningServer.UntilAsync(() => Task.FromResult(Recurring(server).Count == 5), "the timetable is installed");

        Recurring(server).ShouldNotContain(job => job.Id == "backup-token-refresh");
    }

    [Fact]
    public async Task The_sweep_logs_why_it_skipped_what_is_fresh()
    {
        await using var server = await RunningServer.StartAsync(postgres);
        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Count == 1, "the token is obtained");

        server.Services.GetRequiredService<IRecurringJobManager>().Trigger("automatic-token-refresh");

        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Count == 2, "the sweep has looked");
        var row = (await server.LogAsync())[1];
        (row.Status, row.TriggerType, row.TriggeredBy).ShouldBe((AttemptStatus.Skipped, RefreshTrigger.Automatic, "schedule"));
    }

    [Fact]
    public async Task A_token_that_lives_seconds_is_refreshed_between_two_due_checks()
    {
        var provider = new ModelProvider { Life = TimeSpan.FromSeconds(6) };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider);

        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version >= 3, "the token was refreshed twice");

        (await server.LogAsync()).ShouldAllBe(row => row.Status == AttemptStatus.Success || row.Status == AttemptStatus.Running);
    }

    [Fact]
    public async Task Job_arguments_hold_names_and_no_secret()
    {
        await using var server = await RunningServer.StartAsync(postgres);
        var jobs = server.Services.GetRequiredService<JobStorage>().GetMonitoringApi();
        await RunningServer.UntilAsync(() => Task.FromResult(Refreshes().Count > 0), "a job has obtained the token");

        Refreshes()[0].Args[0].ShouldBe(new[] { "jibit" });
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var stored = await db.Database.SqlQueryRaw<string>(
            "SELECT arguments::text AS \"Value\" FROM hangfire.job UNION ALL SELECT value FROM hangfire.jobparameter UNION ALL SELECT data::text FROM hangfire.state").ToListAsync();
        stored.ShouldContain(arguments => arguments.Contains("jibit", StringComparison.Ordinal));
        stored.ShouldNotContain(arguments => arguments.Contains("access-of", StringComparison.Ordinal) || arguments.Contains("refresh-of", StringComparison.Ordinal));

        List<Hangfire.Common.Job> Refreshes() => [.. jobs.SucceededJobs(0, 100).Select(job => job.Value.Job).Where(job => job.Type == typeof(RefreshTokensJob))];
    }

    // What its scheduler writes when it could not create the job five times.
    private static void DisableAsHangfireDoes(RunningServer server, string id)
    {
        using var connection = server.Services.GetRequiredService<JobStorage>().GetConnection();
        using var transaction = connection.CreateWriteTransaction();
        transaction.SetRangeInHash($"recurring-job:{id}", new Dictionary<string, string> { ["NextExecution"] = "", ["Error"] = "Could not load the job", ["RetryAttempt"] = "5" });
        transaction.AddToSet("recurring-jobs", id, -1);
        transaction.Commit();
    }

    private static List<RecurringJobDto> Recurring(RunningServer server)
    {
        using var connection = server.Services.GetRequiredService<JobStorage>().GetConnection();
        return connection.GetRecurringJobs();
    }
}
