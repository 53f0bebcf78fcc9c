using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Health;

public sealed class FreshnessTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_save_that_ends_a_time_without_a_valid_value_writes_it_down_with_its_cause()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var expired = (await world.TokenAsync()).ExpiresAt!.Value;
        await FailUntilAsync(world, expired + TimeSpan.FromSeconds(187));

        await world.RefreshAsync(RefreshTrigger.Manual);

        var gap = (await GapsAsync(world)).ShouldHaveSingleItem();
        (gap.TokenName, gap.From, gap.To, gap.Cause).ShouldBe(("jibit", expired, expired + TimeSpan.FromSeconds(187), "provider_down"));
    }

    [Fact]
    public async Task A_first_token_and_a_renewal_in_time_leave_no_gap()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Clock.Advance(TimeSpan.FromDays(3));

        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(23));
        await world.RefreshAsync();

        (await GapsAsync(world)).ShouldBeEmpty();
        (await ReportAsync(world)).Worst.ShouldBeNull();
    }

    [Fact]
    public async Task A_month_of_outages_of_known_length_gives_the_exact_seconds_across_crashes()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var lengths = new[] { 1, 59, 187, 3600, 86_399, 2, 45_000 };

        foreach (var (seconds, number) in lengths.Select((seconds, number) => (seconds, number)))
        {
            var expired = (await world.TokenAsync()).ExpiresAt!.Value;
            await FailUntilAsync(world, expired + TimeSpan.FromSeconds(seconds));

            // Another process each time; what the one before held in memory is lost.
            await world.AddNode($"node-{number}").GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Manual, "a test"), CancellationToken.None);
        }

        var report = await ReportAsync(world);
        report.Of("jibit").Unavailable.ShouldBe(TimeSpan.FromSeconds(lengths.Sum()));
        report.Availability(report.Of("jibit")).ShouldBe(100 * (1 - (lengths.Sum() / TimeSpan.FromDays(30).TotalSeconds)), 1e-9);
        report.Left(report.Of("jibit")).ShouldBe(report.Budget - TimeSpan.FromSeconds(lengths.Sum()));
    }

    [Fact]
    public async Task What_lasts_is_counted_up_to_now_and_only_within_the_window()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("TokenRefresh:Objective:Window", "1.00:00:00"), ("TokenRefresh:Objective:Target", "99"));
        await world.RefreshAsync();
        var expired = (await world.TokenAsync()).ExpiresAt!.Value;

        world.Clock.Advance(expired + TimeSpan.FromMinutes(30) - world.Clock.GetUtcNow());
        var soon = await ReportAsync(world);
        world.Clock.Advance(TimeSpan.FromDays(2));
        var late = await ReportAsync(world);

        soon.Budget.ShouldBe(TimeSpan.FromDays(1) / 100, TimeSpan.FromMilliseconds(1));
        (soon.Of("jibit").Unavailable, soon.Of("jibit").LastHour).ShouldBe((TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(30)));
        soon.BurnRate(soon.Of("jibit")).ShouldBe(50, 1e-6);
        late.Of("jibit").Unavailable.ShouldBe(TimeSpan.FromDays(1));
        late.Availability(late.Of("jibit")).ShouldBe(0);
    }

    [Fact]
    public async Task A_pause_by_a_person_is_written_down_and_not_counted()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var controls = world.Node.GetRequiredService<TokenControls>();
        await controls.PauseAsync("jibit", "maintenance", null, "user:ada", CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromHours(30));

        await world.RefreshAsync(RefreshTrigger.Forced);

        (await GapsAsync(world)).ShouldHaveSingleItem().Cause.ShouldBe(UnavailableInterval.Paused);
        (await ReportAsync(world)).Worst.ShouldBeNull();
    }

    [Fact]
    public async Task An_outage_counts_until_a_pause_begins_and_again_from_when_it_ends()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var (expired, controls) = ((await world.TokenAsync()).ExpiresAt!.Value, world.Node.GetRequiredService<TokenControls>());
        await FailUntilAsync(world, expired + TimeSpan.FromMinutes(10));
        await controls.PauseAsync("jibit", "maintenance", null, "user:ada", CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromMinutes(60));
        var whilePaused = await ReportAsync(world);
        await controls.ResumeAsync("jibit", "user:ada", CancellationToken.None);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        var resumed = await ReportAsync(world);

        await world.RefreshAsync(RefreshTrigger.Manual);

        whilePaused.Of("jibit").Unavailable.ShouldBe(TimeSpan.FromMinutes(10));
        resumed.Of("jibit").Unavailable.ShouldBe(TimeSpan.FromMinutes(15));
        (await ReportAsync(world)).Of("jibit").Unavailable.ShouldBe(TimeSpan.FromMinutes(15));
        (await GapsAsync(world)).Select(gap => (gap.Cause, (gap.To - gap.From).TotalMinutes)).ShouldBe([("provider_down", 10), ("paused", 60), ("provider_down", 5)]);
    }

    [Fact]
    public async Task A_pause_that_ends_by_itself_counts_from_its_end()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var expired = (await world.TokenAsync()).ExpiresAt!.Value;
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", expired.AddMinutes(20), "user:ada", CancellationToken.None);
        world.Clock.Advance(expired.AddMinutes(21) - world.Clock.GetUtcNow());

        await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);
        await world.RefreshAsync();

        (await GapsAsync(world)).Select(gap => (gap.Cause, (gap.To - gap.From).TotalMinutes)).ShouldBe([("paused", 20), ("not_refreshed", 1)]);
        (await ReportAsync(world)).Of("jibit").Unavailable.ShouldBe(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_pause_during_a_call_loses_neither_the_token_nor_a_second()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var expired = (await world.TokenAsync()).ExpiresAt!.Value;
        world.Clock.Advance(expired.AddMinutes(10) - world.Clock.GetUtcNow());
        world.Provider.Before = async (_, _) =>
        {
            await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", null, "user:ada", CancellationToken.None);
            world.Clock.Advance(TimeSpan.FromMinutes(1));
            return null;
        };

        await world.RefreshAsync(RefreshTrigger.Manual);

        (await world.TokenAsync()).Version.ShouldBe(2);
        (await GapsAsync(world)).Select(gap => (gap.Cause, (gap.To - gap.From).TotalMinutes)).ShouldBe([("not_refreshed", 10), ("paused", 1)]);
    }

    [Fact]
    public async Task The_rows_are_kept_for_the_window_even_where_the_log_is_kept_for_a_day()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("TokenRefresh:Logging:CleanupAfterDays", "1"));
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(30));
        await world.RefreshAsync();

        world.Clock.Advance(TimeSpan.FromDays(29));
        await world.Node.GetRequiredService<LogCleanup>().RunAsync(CancellationToken.None);
        var kept = (await GapsAsync(world)).Count;
        world.Clock.Advance(TimeSpan.FromDays(2));
        await world.Node.GetRequiredService<LogCleanup>().RunAsync(CancellationToken.None);

        kept.ShouldBe(1);
        (await GapsAsync(world)).ShouldBeEmpty();
    }

    private static async Task FailUntilAsync(TokenWorld world, DateTimeOffset instant)
    {
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503")));
        world.Clock.Advance(instant - TimeSpan.FromMilliseconds(500) - world.Clock.GetUtcNow());
        await world.RefreshAsync(RefreshTrigger.Manual);
        world.Clock.Advance(instant - world.Clock.GetUtcNow());
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
    }

    private static async Task<List<UnavailableInterval>> GapsAsync(TokenWorld world)
    {
        await using var db = await world.ContextAsync();
        return await db.UnavailableIntervals.AsNoTracking().OrderBy(row => row.From).ToListAsync();
    }

    private static Task<FreshnessReport> ReportAsync(TokenWorld world) => world.Node.GetRequiredService<FreshnessReader>().ReadAsync(CancellationToken.None);
}
