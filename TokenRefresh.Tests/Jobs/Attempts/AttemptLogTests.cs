using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Attempts;

public sealed class AttemptLogTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Figures_equal_a_hand_count_and_skips_are_not_failures()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Rows(
            ("success", "automatic", 100), ("success", "manual", 200), ("failed", "forced", 300), ("skipped", "automatic", 0), ("running", "due", null)));

        var figures = await Log(world).StatisticsAsync(null, Some.Now.AddHours(-24), CancellationToken.None);

        figures.ShouldBe(new AttemptStatistics(5, 2, 1, 1, 3, 1, 1, 66.7, 200, 300));
    }

    [Fact]
    public async Task No_attempts_mean_no_rate_and_no_duration()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        (await Log(world).StatisticsAsync("jibit", Some.Now.AddHours(-24), CancellationToken.None)).ShouldBe(new AttemptStatistics(0, 0, 0, 0, 0, 0, 0, null, null, null));
    }

    [Fact]
    public async Task Only_skips_mean_no_rate()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Rows(("skipped", "automatic", 0)));

        (await Log(world).SuccessRateAsync("jibit", Some.Now.AddHours(-24), CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task Rows_come_newest_first_filtered_and_page_by_page()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Rows(("success", "due", 1), ("failed", "due", 1), ("success", "manual", 1), ("success", "due", 1)));

        var first = await Log(world).RecentAsync(new() { Status = AttemptStatus.Success }, 2, null, CancellationToken.None);
        var second = await Log(world).RecentAsync(new() { Status = AttemptStatus.Success }, 2, first[^1].Id, CancellationToken.None);

        first.Concat(second).Select(row => row.Id).ShouldBe([4, 3, 1]);
        (await Log(world).RecentAsync(new() { Trigger = RefreshTrigger.Manual }, 10, null, CancellationToken.None)).ShouldHaveSingleItem();
        (await Log(world).LatestAsync("jibit", CancellationToken.None))!.Id.ShouldBe(4);
        (await Log(world).LatestAsync("finnotech", CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task Clean_up_deletes_ended_rows_older_than_the_retention_and_nothing_else()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("TokenRefresh:Logging:CleanupAfterDays", "10"));
        await world.RefreshAsync();
        await world.ExecuteAsync(Rows(("success", "due", 1), ("running", "due", null)).Replace(Timestamp, Some.Now.AddDays(-11).ToString("O"), StringComparison.Ordinal));
        await world.ExecuteAsync(Rows(("failed", "due", 1)).Replace(Timestamp, Some.Now.AddDays(-9).ToString("O"), StringComparison.Ordinal));

        await world.Node.GetRequiredService<LogCleanupJob>().RunAsync(CancellationToken.None);

        (await world.LogAsync()).Select(row => row.Status).ShouldBe([AttemptStatus.Success, AttemptStatus.Running, AttemptStatus.Failed]);
        (await world.TokenAsync()).Version.ShouldBe(1);
    }

    private const string Timestamp = "2026-03-01T11:00:00Z";

    private static AttemptLog Log(TokenWorld world) => world.Node.GetRequiredService<AttemptLog>();

    private static string Rows(params (string Status, string Trigger, int? Took)[] rows) =>
        "INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node) VALUES "
        + string.Join(", ", rows.Select(row => $"('jibit', 'jibit', '{row.Status}', '{row.Trigger}', 'a test', '', '{{{{}}}}', '{Timestamp}', {row.Took?.ToString() ?? "NULL"}, 1, 'n')"));
}
