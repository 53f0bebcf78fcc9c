using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>After which outcomes the door asks to be reminded of a token, and of which instant.</summary>
public sealed class ReminderTests(PostgresFixture postgres)
{
    private readonly Recorded reminders = new();

    [Theory]
    [InlineData(RefreshTrigger.Due)]
    [InlineData(RefreshTrigger.Forced)]
    [InlineData(RefreshTrigger.OnDemand)]
    public async Task Every_new_token_is_reminded_of_when_it_will_be_due_whoever_asked_for_it(RefreshTrigger trigger)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        await RefreshAsync(world, trigger);

        reminders.All.ShouldBe([("jibit", await DueAtAsync(world))]);
    }

    [Fact]
    public async Task A_job_that_comes_too_early_for_a_token_is_followed_by_another_reminder()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        await RefreshAsync(world, RefreshTrigger.Due, request => request with { JobId = "7" });

        reminders.All.ShouldBe([("jibit", await DueAtAsync(world))]);
    }

    [Theory]
    [InlineData(RefreshTrigger.Due, null)]
    [InlineData(RefreshTrigger.Automatic, "7")]
    [InlineData(RefreshTrigger.OnDemand, null)]
    public async Task Whoever_else_finds_it_fresh_makes_no_further_reminder(RefreshTrigger trigger, string? jobId)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        (await RefreshAsync(world, trigger, request => request with { JobId = jobId })).ShouldBeOfType<RefreshOutcome.Skipped>();

        reminders.All.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_that_is_skipped_for_another_reason_than_its_age_is_not_reminded_of()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", null, "a person", CancellationToken.None);

        await RefreshAsync(world, RefreshTrigger.Due, request => request with { JobId = "7" });

        reminders.All.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_failure_that_no_job_tries_again_is_reminded_of_at_the_end_of_its_pause()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        var failed = (await RefreshAsync(world, RefreshTrigger.Due)).ShouldBeOfType<RefreshOutcome.Failed>();

        failed.IsLeftToJob.ShouldBeFalse();
        reminders.All.ShouldBe([("jibit", (await world.TokenAsync()).NextAttemptAt!.Value)]);
    }

    [Fact]
    public async Task A_failure_that_its_job_tries_again_is_left_to_that_job()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        var failed = (await RefreshAsync(world, RefreshTrigger.Due, request => request with { JobId = "7", RetriesLeft = 1 })).ShouldBeOfType<RefreshOutcome.Failed>();

        failed.IsLeftToJob.ShouldBeTrue();
        reminders.All.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_failure_that_waits_for_a_person_is_not_reminded_of()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);

        await RefreshAsync(world, RefreshTrigger.Due, request => request with { JobId = "7", RetriesLeft = 1 });

        reminders.All.ShouldBeEmpty();
    }

    private static async Task<DateTimeOffset> DueAtAsync(TokenWorld world) => (await world.TokenAsync()).RefreshDueAt!.Value;

    // On a node of its own, so that only its reminders are heard.
    private Task<RefreshOutcome> RefreshAsync(TokenWorld world, RefreshTrigger trigger, Func<RefreshRequest, RefreshRequest>? change = null) =>
        world.AddNode("node-2", shape: services => services.AddSingleton<IReminders>(reminders)).GetRequiredService<TokenRefresher>()
            .RefreshAsync((change ?? (request => request))(new("jibit", trigger, "a test")), CancellationToken.None);

    private sealed class Recorded : IReminders
    {
        // As the database keeps it: the clock counts tenths of a microsecond.
        public List<(string Token, DateTimeOffset DueAt)> All { get; } = [];

        public void Remind(string token, DateTimeOffset dueAt) => All.Add((token, new(dueAt.Ticks / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero)));
    }
}
