using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>When a failed token is tried again, and by whom: by its job after the back-off of a minute, or by whoever looks after the pause.</summary>
public sealed class NextAttemptTests(PostgresFixture postgres)
{
    private const int RetriesOfAJob = 3;

    [Theory]
    [InlineData(null, 1)]
    [InlineData(30, 1)]
    [InlineData(60, 1)]
    [InlineData(300, 5)]
    public async Task The_retry_of_its_job_is_stored_and_waits_as_long_as_the_provider_asked_and_others_leave_the_token_alone_for_a_minute_more(int? retryAfterSeconds, double minutes)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.RateLimited, retryAfterSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null);

        var failed = await FailInJobAsync(world);

        (failed.IsLeftToJob, failed.NextAttemptAt).ShouldBe((true, Some.Now.AddMinutes(minutes)));
        var token = await world.TokenAsync();
        (token.RetryJobId, token.NextAttemptAt, token.LeftAloneUntil).ShouldBe(("7", failed.NextAttemptAt, Some.Now.AddMinutes(minutes + 1)));
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData("7", 0)]
    public async Task Without_a_job_that_has_retries_left_the_token_is_left_alone_for_the_pause_of_the_policy(string? jobId, int retriesLeft)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        var failed = (await world.RefreshAsync(change: request => request with { JobId = jobId, RetriesLeft = retriesLeft })).ShouldBeOfType<RefreshOutcome.Failed>();

        (failed.IsLeftToJob, failed.NextAttemptAt).ShouldBe((false, Some.Now + RenewalPolicy.PauseAfter("jibit", 1, RetriesOfAJob + 1, null, null, null, Some.Now)));
        (await world.TokenAsync()).RetryJobId.ShouldBeNull();
    }

    [Fact]
    public async Task The_pause_is_doubled_once_as_many_attempts_have_failed_as_a_job_makes()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        var pauses = new List<TimeSpan>();

        for (var failure = 1; failure <= RetriesOfAJob + 2; failure++)
        {
            pauses.Add((await FailAsync(world)).NextAttemptAt!.Value - Some.Now);
        }

        pauses.SkipLast(1).ShouldAllBe(pause => pause >= TimeSpan.FromMinutes(1.8) && pause <= TimeSpan.FromMinutes(2));
        pauses[^1].ShouldBeInRange(TimeSpan.FromMinutes(3.6), TimeSpan.FromMinutes(4));
    }

    [Fact]
    public async Task No_pause_is_shorter_than_the_provider_asked_for()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.RateLimited, TimeSpan.FromMinutes(40));

        (await FailAsync(world)).NextAttemptAt.ShouldBe(Some.Now.AddMinutes(40));
    }

    [Fact]
    public async Task One_that_may_not_be_asked_for_while_it_is_valid_says_so_and_is_tried_once_more_before_its_end()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Life = TimeSpan.FromHours(6);
        await world.RefreshAsync();
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown, TimeSpan.FromDays(1));

        var failed = await FailInJobAsync(world);

        (failed.IsLeftToJob, failed.NextAttemptAt).ShouldBe((false, Some.Now.AddHours(6).AddMinutes(-2)));
        (await world.TokenAsync()).LastError!.ShouldEndWith("; the provider's Retry-After of 1 d is longer than the token is valid");
    }

    [Theory]
    [InlineData(59, false)]
    [InlineData(60, false)]
    [InlineData(61, true)]
    public async Task A_token_that_would_die_before_its_jobs_retry_is_not_left_to_the_job(int secondsLeft, bool isLeftToJob)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Life = TimeSpan.FromSeconds(secondsLeft);
        await world.RefreshAsync();
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        var failed = await FailInJobAsync(world);

        failed.IsLeftToJob.ShouldBe(isLeftToJob);
        failed.NextAttemptAt!.Value.ShouldBeLessThan(Some.Now.AddSeconds(secondsLeft));
    }

    [Theory]
    [InlineData(239, false)]
    [InlineData(240, true)]
    public async Task A_token_that_has_died_is_left_to_its_job_unless_its_life_was_short_beside_the_jobs_retries(int life, bool isLeftToJob)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Life = TimeSpan.FromSeconds(life);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromSeconds(life));
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        var failed = await FailInJobAsync(world);

        (failed.IsLeftToJob, failed.NextAttemptAt < world.Clock.GetUtcNow().AddSeconds(60)).ShouldBe((isLeftToJob, !isLeftToJob));
    }

    [Theory]
    [InlineData(FailureKind.CredentialRejected)]
    [InlineData(FailureKind.GrantRevoked)]
    [InlineData(FailureKind.Configuration)]
    public async Task What_another_try_cannot_help_has_no_next_attempt_though_a_job_has_retries_left(FailureKind kind)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(kind, TimeSpan.FromMinutes(5));

        var failed = await FailInJobAsync(world);

        (failed.NextAttemptAt, failed.IsLeftToJob).ShouldBe((null, false));
        var token = await world.TokenAsync();
        (token.NextAttemptAt, token.RetryJobId).ShouldBe((null, null));
    }

    private static async Task<RefreshOutcome.Failed> FailAsync(TokenWorld world) =>
        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Failed>();

    private static async Task<RefreshOutcome.Failed> FailInJobAsync(TokenWorld world) =>
        (await world.RefreshAsync(RefreshTrigger.Forced, change: request => request with { JobId = "7", RetriesLeft = 1 })).ShouldBeOfType<RefreshOutcome.Failed>();
}
