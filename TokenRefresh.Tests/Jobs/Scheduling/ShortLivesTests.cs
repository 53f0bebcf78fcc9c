using Hangfire.States;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Scheduling;

/// <summary>Tokens that would die between two due checks.</summary>
public sealed class ShortLivesTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(0.25);

    [Fact]
    public async Task A_token_of_forty_seconds_that_nobody_touches_is_never_expired_in_ten_minutes()
    {
        await using var world = await WorldAsync(TimeSpan.FromSeconds(40));

        await PassAsync(world, TimeSpan.FromMinutes(10), _ => Task.CompletedTask);

        world.Provider.Calls.Count.ShouldBeInRange(15, 35);
    }

    [Fact]
    public async Task Nor_when_people_and_readers_refresh_it_in_between()
    {
        await using var world = await WorldAsync(TimeSpan.FromSeconds(40));

        await PassAsync(world, TimeSpan.FromMinutes(10), async elapsed =>
        {
            if (elapsed.TotalSeconds % 37 == 0)
            {
                await world.RefreshAsync(RefreshTrigger.Forced);
            }
        });

        world.Provider.Calls.Count.ShouldBeInRange(16, 60, "a reminder that somebody has answered already makes no further one");
    }

    [Fact]
    public async Task Nor_when_its_provider_is_away_for_twelve_seconds_every_minute_or_so_though_a_jobs_retry_would_come_too_late()
    {
        await using var world = await WorldAsync(TimeSpan.FromSeconds(40));

        await PassAsync(world, TimeSpan.FromMinutes(10), elapsed =>
        {
            world.Provider.Before = elapsed.TotalSeconds % 67 is > 10 and < 22 ? ModelProvider.Failing(FailureKind.ProviderDown) : (_, _) => Task.FromResult<ProviderResult?>(null);
            return Task.CompletedTask;
        });

        (await world.LogAsync()).ShouldContain(row => row.Status == AttemptStatus.Failed);
    }

    [Fact]
    public async Task A_reminder_is_not_before_the_token_is_due_though_hangfire_cuts_fractions_of_a_second_off()
    {
        await using var world = await WorldAsync(TimeSpan.FromSeconds(40));
        await world.RefreshAsync();

        var dueAt = (await world.TokenAsync()).RefreshDueAt!.Value;

        dueAt.Millisecond.ShouldNotBe(0);
        var reminder = Reminders(world).ShouldHaveSingleItem().EnqueueAt;
        reminder.ShouldBeInRange(dueAt.UtcDateTime, dueAt.UtcDateTime.AddSeconds(1));
        reminder.Millisecond.ShouldBe(0);
    }

    [Fact]
    public async Task A_reminder_that_comes_early_by_this_nodes_clock_is_made_again()
    {
        await using var world = await WorldAsync(TimeSpan.FromSeconds(40));
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromSeconds(10));

        await world.RefreshAsync(change: request => request with { JobId = "7", RequestedAt = world.Clock.GetUtcNow() - TimeSpan.FromSeconds(10) });

        Reminders(world).Count.ShouldBe(2);
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_token_of_a_day_is_left_to_the_due_check()
    {
        await using var world = await WorldAsync(TimeSpan.FromDays(1));

        await world.RefreshAsync();

        Reminders(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_due_check_that_ticks_each_hour_leaves_a_token_of_an_hour_to_a_reminder()
    {
        await using var world = await WorldAsync(TimeSpan.FromHours(1), ("TokenRefresh:Schedule:DueCheckCron", "0 * * * *"));

        await world.RefreshAsync();

        Reminders(world).ShouldHaveSingleItem();
    }

    private static List<ScheduledState> Reminders(TokenWorld world) => [.. world.Jobs.Created.Select(job => job.State).OfType<ScheduledState>()];

    private async Task<TokenWorld> WorldAsync(TimeSpan life, params (string Key, string Value)[] settings)
    {
        var world = await TokenWorld.CreateAsync(postgres, settings);
        (world.Provider.Life, world.Provider.RefreshLife) = (life, 2 * life);
        return world;
    }

    // Hangfire as it is at its slowest: a look at the schedule each three seconds, whole seconds only, a due check each minute.
    private static async Task PassAsync(TokenWorld world, TimeSpan span, Func<TimeSpan, Task> between)
    {
        var due = world.Node.GetRequiredService<DueTokens>();
        var queue = world.Node.GetRequiredService<RefreshQueue>();
        Dictionary<string, DateTimeOffset> createdAt = [];
        HashSet<string> begun = [];
        for (var elapsed = TimeSpan.Zero; elapsed < span; elapsed += Step, world.Clock.Advance(Step))
        {
            if (elapsed.TotalSeconds % 60 == 0)
            {
                queue.Enqueue([.. await due.ClaimAsync(CancellationToken.None)], RefreshTrigger.Due, RecurringJobs.Scheduler);
            }

            if (elapsed.TotalSeconds % 3 == 0)
            {
                await RunAsync(world, createdAt, begun);
                (await world.TokenAsync()).IsValid(world.Clock.GetUtcNow()).ShouldBeTrue($"{elapsed} in");
            }

            await between(elapsed);
            foreach (var (id, _, _) in world.Jobs.Created)
            {
                createdAt.TryAdd(id, world.Clock.GetUtcNow());
            }
        }
    }

    private static async Task RunAsync(TokenWorld world, Dictionary<string, DateTimeOffset> createdAt, HashSet<string> begun)
    {
        foreach (var (id, job, state) in world.Jobs.Created.ToList())
        {
            if ((state is not ScheduledState { EnqueueAt: var at } || WholeSeconds(at) <= world.Clock.GetUtcNow()) && begun.Add(id))
            {
                foreach (var token in (string[])job.Args[0])
                {
                    await world.RefreshAsync(RefreshTriggers.Parse((string)job.Args[1])!.Value, token, request => request with { JobId = id, RetriesLeft = 3, RequestedAt = createdAt.GetValueOrDefault(id, world.Clock.GetUtcNow()) });
                }
            }
        }
    }

    private static DateTimeOffset WholeSeconds(DateTime at) => new(at.Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero);
}
