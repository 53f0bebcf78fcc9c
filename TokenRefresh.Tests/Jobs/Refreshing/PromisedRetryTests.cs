using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>What is promised after a failure, by page, outcome and log, against what happens when that instant comes: for a token that was not due at all.</summary>
public sealed class PromisedRetryTests(PostgresFixture postgres)
{
    private const string LastJob = "7";

    /// <summary>Who may ask for an attempt at a token that is not due, by the way that lets it through to the provider.</summary>
    private static readonly (RefreshTrigger Trigger, Func<RefreshRequest, RefreshRequest> Ask)[] Askers =
    [
        (RefreshTrigger.Forced, request => request),
        (RefreshTrigger.Forced, request => request with { JobId = LastJob, Attempt = 4, RetriesLeft = 0 }),
        (RefreshTrigger.Forced, request => request with { JobId = LastJob, RetriesLeft = 3 }),
        (RefreshTrigger.OnDemand, request => request with { MinValidity = TimeSpan.FromHours(23.6) }),
        (RefreshTrigger.Rejected, request => request with { RejectedVersion = 1 }),
        (RefreshTrigger.Backup, request => request),
    ];

    public static TheoryData<FailureKind, int> Passing => Cases(kind => kind.IsRetryable() && kind != FailureKind.Abandoned);

    public static TheoryData<FailureKind, int> Permanent => Cases(kind => !kind.IsRetryable());

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task A_token_that_was_not_due_is_retried_when_it_was_promised_and_not_before_whoever_asked_for_the_attempt_that_failed(FailureKind kind, int asker)
    {
        await using var world = await FailedAsync(kind, asker);
        var (promised, failed) = (await ViewAsync(world), await world.TokenAsync());
        promised.State.ShouldBe(TokenState.Degraded);
        promised.NextRefreshAt!.Value.ShouldBeLessThan(failed.RefreshDueAt!.Value);
        world.LogLines.ShouldContain(line => line.Contains($"next attempt {promised.NextRefreshAt:yyyy-MM-ddTHH:mm:ss}", StringComparison.Ordinal));

        world.Clock.Advance(promised.NextRefreshAt.Value - world.Clock.GetUtcNow() - TimeSpan.FromSeconds(1));
        (await TickAsync(world)).ShouldBeEmpty("it was promised for later");
        world.Clock.Advance(TimeSpan.FromSeconds(1));

        // Its job makes the retry that it has left; else the due check does.
        var retried = failed.RetryJobId is { } job ? await world.RefreshAsync(RefreshTrigger.Forced, change: request => request with { JobId = job, Attempt = 2 }) : (await TickAsync(world)).ShouldHaveSingleItem();
        retried.ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ViewAsync(world)).State.ShouldBe(TokenState.Healthy);
    }

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task It_is_retried_by_the_due_check_where_its_job_has_gone(FailureKind kind, int asker)
    {
        await using var world = await FailedAsync(kind, asker);
        var failed = await world.TokenAsync();

        world.Clock.Advance(failed.LeftAloneUntil!.Value - world.Clock.GetUtcNow());

        (await TickAsync(world)).ShouldHaveSingleItem().ShouldBeOfType<RefreshOutcome.Refreshed>();
    }

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task It_is_retried_again_and_again_until_it_succeeds_and_has_its_schedule_back_then(FailureKind kind, int asker)
    {
        await using var world = await FailedAsync(kind, asker);
        world.Provider.Before = ModelProvider.Failing(kind);
        for (var retry = 0; retry < 5; retry++)
        {
            var wait = (await world.TokenAsync()).LeftAloneUntil!.Value - world.Clock.GetUtcNow();
            wait.ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(1));
            world.Clock.Advance(wait);
            (await TickAsync(world)).ShouldHaveSingleItem().ShouldBeOfType<RefreshOutcome.Failed>();
        }

        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        world.Clock.Advance((await world.TokenAsync()).LeftAloneUntil!.Value - world.Clock.GetUtcNow());
        await TickAsync(world);

        var view = await ViewAsync(world);
        (view.State, view.NextRefreshAt).ShouldBe((TokenState.Healthy, view.Stored!.RefreshDueAt));
    }

    [Theory]
    [MemberData(nameof(Permanent))]
    public async Task What_no_retry_can_help_promises_none_but_the_backups_and_is_left_alone_when_it_would_have_been_due(FailureKind kind, int asker)
    {
        await using var world = await FailedAsync(kind, asker);
        var view = await ViewAsync(world);

        view.State.ShouldBe(TokenState.ActionRequired);
        view.NextRefreshAt.ShouldBe(kind == FailureKind.CredentialRejected ? new DateTimeOffset(2026, 3, 1, 16, 30, 0, TimeSpan.Zero) : null, "20:00 in Tehran");
        world.Clock.Advance(view.Stored!.RefreshDueAt!.Value - world.Clock.GetUtcNow() + TimeSpan.FromHours(1));
        (await TickAsync(world)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_backup_comes_when_it_was_promised_for_refused_credentials()
    {
        await using var world = await FailedAsync(FailureKind.CredentialRejected, 0);
        world.Clock.Advance((await ViewAsync(world)).NextRefreshAt!.Value - world.Clock.GetUtcNow());

        (await world.Node.GetRequiredService<DueTokens>().ForBackupAsync(default)).ShouldBe(["jibit"]);
        (await world.RefreshAsync(RefreshTrigger.Backup)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ViewAsync(world)).State.ShouldBe(TokenState.Healthy);
    }

    [Theory]
    [InlineData(FailureKind.CredentialRejected)]
    [InlineData(FailureKind.Configuration)]
    [InlineData(FailureKind.ProviderDown)]
    public async Task A_person_who_asks_for_a_refresh_of_a_failing_token_that_was_not_due_gets_one_at_once(FailureKind kind)
    {
        await using var world = await FailedAsync(kind, 0);

        (await world.RefreshAsync(RefreshTrigger.Manual)).ShouldBeOfType<RefreshOutcome.Refreshed>();
    }

    [Fact]
    public async Task A_forced_refresh_that_fails_with_all_its_retries_leaves_a_critical_token_that_is_retried_at_the_time_that_the_log_names()
    {
        // 1 h 54 min of 2 h 5 min are left, and it would be due in 1 h 12 min.
        await using var world = await TokenWorld.CreateAsync(postgres);
        (world.Provider.Life, world.Provider.RefreshLife) = (TimeSpan.FromMinutes(125), TimeSpan.FromHours(4));
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(8));
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        for (var run = 1; run <= 4; run++)
        {
            await world.RefreshAsync(RefreshTrigger.Forced, change: request => request with { JobId = LastJob, Attempt = run, RetriesLeft = 4 - run });
            world.Clock.Advance(TimeSpan.FromMinutes(run < 4 ? 1 : 0));
        }

        var critical = await ViewAsync(world);
        critical.State.ShouldBe(TokenState.Critical);
        (critical.Stored!.RefreshDueAt - world.Clock.GetUtcNow()).ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.FromHours(1));
        (critical.NextRefreshAt - world.Clock.GetUtcNow()).ShouldNotBeNull().ShouldBeLessThan(TimeSpan.FromMinutes(3));
        world.LogLines.ShouldContain(line => line.Contains($"next attempt {critical.NextRefreshAt:yyyy-MM-ddTHH:mm:ss}", StringComparison.Ordinal));

        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        world.Clock.Advance(critical.NextRefreshAt!.Value - world.Clock.GetUtcNow());
        (await TickAsync(world)).ShouldHaveSingleItem().ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ViewAsync(world)).State.ShouldBe(TokenState.Healthy);
        (await world.LogAsync())[^1].ShouldSatisfyAllConditions(row => row.Status.ShouldBe(AttemptStatus.Success), row => row.TriggerType.ShouldBe(RefreshTrigger.Due));
    }

    [Fact]
    public async Task A_reader_or_the_sweep_that_comes_after_the_pause_makes_the_retry_and_before_it_does_not()
    {
        foreach (var trigger in new[] { RefreshTrigger.Automatic, RefreshTrigger.OnDemand })
        {
            await using var world = await FailedAsync(FailureKind.ProviderDown, 0);

            (await world.RefreshAsync(trigger)).ShouldBeOfType<RefreshOutcome.Skipped>();
            world.Clock.Advance((await world.TokenAsync()).NextAttemptAt!.Value - world.Clock.GetUtcNow());
            (await world.RefreshAsync(trigger)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        }
    }

    private static TheoryData<FailureKind, int> Cases(Func<FailureKind, bool> fits)
    {
        var cases = new TheoryData<FailureKind, int>();
        foreach (var kind in Enum.GetValues<FailureKind>().Where(fits))
        {
            for (var asker = 0; asker < Askers.Length; asker++)
            {
                cases.Add(kind, asker);
            }
        }

        return cases;
    }

    /// <summary>A token of a day that is half an hour old and has just failed; from then on the provider answers again.</summary>
    private async Task<TokenWorld> FailedAsync(FailureKind kind, int asker)
    {
        var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(0.5));
        world.Provider.Before = ModelProvider.Failing(kind);
        var (trigger, ask) = Askers[asker];
        (await world.RefreshAsync(trigger, change: ask)).ShouldBeOfType<RefreshOutcome.Failed>();
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        return world;
    }

    private static async Task<TokenView> ViewAsync(TokenWorld world) => (await world.Node.GetRequiredService<TokenOverview>().ReadAsync(null, default)).Listed.Single(token => token.Name == "jibit");

    /// <summary>What the due check does, and what comes of the jobs that it makes.</summary>
    private static async Task<List<RefreshOutcome>> TickAsync(TokenWorld world)
    {
        var outcomes = new List<RefreshOutcome>();
        foreach (var name in await world.Node.GetRequiredService<DueTokens>().ClaimAsync(default))
        {
            outcomes.Add(await world.RefreshAsync(RefreshTrigger.Due, name, request => request with { JobId = "due", RequestedAt = world.Clock.GetUtcNow() }));
        }

        return outcomes;
    }
}
