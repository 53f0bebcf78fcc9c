using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>A forced refresh that fails with all its retries, by Hangfire's own retries and the due check's own ticks.</summary>
public sealed class RetryAfterJobTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_token_that_was_not_due_is_retried_after_its_jobs_last_retry_at_the_stored_time_and_before_it_would_have_been_due()
    {
        var provider = new ModelProvider { Life = TimeSpan.FromMinutes(2), RefreshLife = TimeSpan.FromHours(1) };
        await using var server = await RunningServer.StartAsync(postgres, provider: provider, settings: ("TokenRefresh:Schedule:DueCheckCron", "* * * * * *"));
        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version == 1, "the token is obtained");
        provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        server.Queue.Enqueue(["jibit"], RefreshTrigger.Forced, "a test");
        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Count(row => row.Status == AttemptStatus.Failed) == 4, "its job has made its last retry");
        var failed = await server.TokenAsync();
        provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version == 2, "it is retried");

        failed.RetryJobId.ShouldBeNull();
        var retried = (await server.LogAsync())[^1];
        (retried.Status, retried.TriggerType).ShouldBe((AttemptStatus.Success, RefreshTrigger.Due));
        retried.StartedAt.ShouldBeGreaterThanOrEqualTo(failed.NextAttemptAt!.Value);
        retried.StartedAt.ShouldBeLessThan(failed.RefreshDueAt!.Value);
        (await server.TokenAsync()).ConsecutiveFailures.ShouldBe(0);
    }
}
