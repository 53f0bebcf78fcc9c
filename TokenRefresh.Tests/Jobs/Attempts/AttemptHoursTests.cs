using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Attempts;

public sealed class AttemptHoursTests(PostgresFixture postgres)
{
    private static readonly TimeSpan[] Windows = [TimeSpan.FromHours(1), TimeSpan.FromHours(24), TimeSpan.FromDays(7), TimeSpan.FromDays(30)];

    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(false, 23, 7)]
    [InlineData(true, 0, 0)]
    [InlineData(true, 0, 9)]
    [InlineData(true, 23, 0)]
    [InlineData(true, 59, 1)]
    public async Task Figures_of_every_window_equal_a_hand_count_whether_hours_were_counted_ahead_or_not(bool isCounted, int minute, int ticks)
    {
        await using var world = await WorldAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(minute) + TimeSpan.FromTicks(ticks));
        if (isCounted)
        {
            (await Hours(world).CountEndedAsync(default)).ShouldBeGreaterThan(150);
            (await Hours(world).CountEndedAsync(default)).ShouldBe(0);
        }

        await ShouldEqualHandCountAsync(world);
    }

    [Fact]
    public async Task What_the_program_writes_into_a_counted_hour_is_in_the_figures_at_once_and_only_that_hour_is_counted_anew()
    {
        await using var world = await WorldAsync();
        await Hours(world).CountEndedAsync(default);
        var at = Some.Now.AddHours(-50);

        await ChangeAsync(world, at, "UPDATE token_refresh_logs SET status = 'failed', error_code = 'abandoned', duration_ms = NULL");
        await ShouldEqualHandCountAsync(world);
        (await Hours(world).CountEndedAsync(default)).ShouldBe(1);
        await ShouldEqualHandCountAsync(world);
        await ChangeAsync(world, at, "DELETE FROM token_refresh_logs");
        await ShouldEqualHandCountAsync(world);
        (await Hours(world).CountEndedAsync(default)).ShouldBe(0);
    }

    [Fact]
    public async Task A_token_that_a_paused_node_saves_after_its_attempt_was_called_abandoned_and_counted_is_a_success_in_the_figures()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2");
        world.Provider.Before = async (_, _) =>
        {
            world.Clock.Advance(TimeSpan.FromHours(3));
            await world.ExecuteAsync("UPDATE tokens SET lease_until = clock_timestamp() - interval '1 second'");
            await using var db = await world.ContextAsync();
            await AbandonedAttempts.ReclaimAsync(db, other.GetRequiredService<DatabaseContact>(), world.Clock.GetUtcNow(), only: null, CancellationToken.None);
            (await other.GetRequiredService<AttemptHours>().CountEndedAsync(CancellationToken.None)).ShouldBe(1);
            (await other.GetRequiredService<AttemptLog>().StatisticsAsync(null, Some.Now, CancellationToken.None)).FailedAttempts.ShouldBe(1);
            return null;
        };

        (await world.RefreshAsync()).ShouldBeOfType<RefreshOutcome.Refreshed>();

        var figures = await Log(world).StatisticsAsync(null, Some.Now, default);
        (figures.SuccessfulAttempts, figures.FailedAttempts).ShouldBe((1, 0));
        await ShouldEqualHandCountAsync(world);
    }

    [Fact]
    public async Task A_failure_that_a_paused_node_saves_after_its_attempt_was_counted_is_in_the_figures_with_its_own_code()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var other = world.AddNode("node-2");
        world.Provider.Before = async (_, _) =>
        {
            world.Clock.Advance(TimeSpan.FromHours(3));
            await world.ExecuteAsync("UPDATE tokens SET lease_until = clock_timestamp() - interval '1 second'");
            await using var db = await world.ContextAsync();
            await AbandonedAttempts.ReclaimAsync(db, other.GetRequiredService<DatabaseContact>(), world.Clock.GetUtcNow(), only: null, CancellationToken.None);
            (await other.GetRequiredService<AttemptHours>().CountEndedAsync(CancellationToken.None)).ShouldBe(1);
            return new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503"));
        };

        await world.RefreshAsync();

        await ShouldEqualHandCountAsync(world);
    }

    [Fact]
    public async Task An_hour_with_a_running_attempt_and_one_that_has_just_ended_are_not_counted_yet()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node)
            SELECT 'jibit', 'jibit', status, 'due', '', '', '{{}}', timestamptz '2026-03-01T12:00:00Z' - hours * interval '1 hour', 1, 'n'
            FROM (VALUES ('skipped', 5), ('running', 3), ('skipped', 3), ('skipped', 1)) AS made (status, hours)
            """);

        (await Hours(world).CountEndedAsync(default)).ShouldBe(1);
        world.Clock.Advance(AttemptHours.Margin);
        (await Hours(world).CountEndedAsync(default)).ShouldBe(1);
        await world.ExecuteAsync("UPDATE token_refresh_logs SET status = 'skipped'");
        (await Hours(world).CountEndedAsync(default)).ShouldBe(1);
        await ShouldEqualHandCountAsync(world);
    }

    [Fact]
    public async Task Clean_up_takes_its_rows_out_of_the_figures_too()
    {
        await using var world = await WorldAsync(("TokenRefresh:Logging:CleanupAfterDays", "10"));
        await Hours(world).CountEndedAsync(default);

        await world.Node.GetRequiredService<LogCleanup>().RunAsync(default);

        await ShouldEqualHandCountAsync(world);
        (await Log(world).StatisticsAsync(null, Some.Now.AddDays(-30), default)).SuccessfulAttempts.ShouldBe((await Log(world).StatisticsAsync(null, Some.Now.AddDays(-10), default)).SuccessfulAttempts);
    }

    [Fact]
    public async Task A_change_that_is_not_committed_when_its_hour_is_counted_is_not_lost()
    {
        await using var world = await WorldAsync();
        await using var db = await world.ContextAsync();
        await using var change = await db.Database.BeginTransactionAsync();
        await db.Database.ExecuteSqlAsync($"UPDATE token_refresh_logs SET status = 'skipped' WHERE started_at >= {Some.Now.AddHours(-9)} AND started_at < {Some.Now.AddHours(-8)}");
        await AttemptHours.ForgetAsync(db, Some.Now.AddHours(-9), Some.Now.AddHours(-9), default);

        var counting = Hours(world).CountEndedAsync(default);
        await RunningServer.UntilAsync(() => IsWaitingAsync(world), "the count waits for the change");
        await change.CommitAsync();
        await counting;

        await ShouldEqualHandCountAsync(world);
    }

    [Fact]
    public async Task Two_nodes_may_count_at_once()
    {
        await using var world = await WorldAsync();
        var other = world.AddNode("node-2");

        await Task.WhenAll(Hours(world).CountEndedAsync(default), other.GetRequiredService<AttemptHours>().CountEndedAsync(default));

        await ShouldEqualHandCountAsync(world);
    }

    [Fact]
    public async Task With_many_attempts_the_p95_is_exact_too()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Rows(60_000));
        await Hours(world).CountEndedAsync(default);
        var rows = await world.LogAsync();

        foreach (var since in new[] { Some.Now.AddDays(-30), Some.Now.AddDays(-9).AddMinutes(-7) })
        {
            (await Log(world).StatisticsAsync(null, since, default)).ShouldBe(HandCount(rows, null, null, since));
        }
    }

    private async Task<TokenWorld> WorldAsync(params (string Key, string Value)[] settings)
    {
        var world = await TokenWorld.CreateAsync(postgres, [("Tokens:jibit:Provider", "jibit"), .. settings]);
        await world.ExecuteAsync(Rows(6000));
        return world;
    }

    private static async Task ShouldEqualHandCountAsync(TokenWorld world)
    {
        var rows = await world.LogAsync();
        foreach (var window in Windows)
        {
            var since = world.Clock.GetUtcNow() - window;
            foreach (var (provider, tokens) in new (string?, string[]?)[] { (null, null), ("jibit", null), ("finnotech", null), (null, ["jibit"]), (null, ["fino_1", "fino_2", "unknown"]), ("jibit", ["fino_1"]), (null, []) })
            {
                (await Log(world).StatisticsAsync(provider, since, default, tokens)).ShouldBe(HandCount(rows, provider, tokens, since), $"{window} {provider} {string.Join(',', tokens ?? ["all"])}");
            }

            var failures = (await Hours(world).PeriodsAsync(new(), [since], default)).SelectMany(period => period.Tally.Failures).GroupBy(code => code.Key)
                .ToDictionary(code => code.Key, code => code.Sum(each => each.Value));
            failures.ShouldBe(rows.Where(row => row.StartedAt >= since && row.Status == AttemptStatus.Failed).GroupBy(row => row.ErrorCode!).ToDictionary(code => code.Key, code => code.LongCount()), ignoreOrder: true);
        }

        // Windows that are asked for together are cut by one another's edges.
        DateTimeOffset[] edges = [.. Windows.Select(window => world.Clock.GetUtcNow() - window)];
        var periods = await Hours(world).PeriodsAsync(new(), edges, default);
        foreach (var edge in edges)
        {
            (await Hours(world).StatisticsAsync(periods, new(), edge, default)).ShouldBe(HandCount(rows, null, null, edge));
            (await Hours(world).StatisticsAsync(periods, new("jibit"), edge, default)).ShouldBe(HandCount(rows, "jibit", null, edge));
        }

        foreach (var scope in new AttemptScope[] { new(), new("jibit"), new(Tokens: ["fino_1", "jibit"]), new(Tokens: []) })
        {
            (await Hours(world).OutcomesAsync(scope, edges[^1], default)).ShouldBe(HandCount(rows, scope, edges[^1]), ignoreOrder: true, $"{scope}");
        }
    }

    private static IEnumerable<AttemptOutcomes> HandCount(List<RefreshAttempt> log, AttemptScope scope, DateTimeOffset since) =>
        log.Where(row => row.Status is AttemptStatus.Success or AttemptStatus.Failed && row.StartedAt >= HourOf(since) && (scope.Provider is null || row.Provider == scope.Provider) && (scope.Tokens is null || scope.Tokens.Contains(row.TokenName)))
            .GroupBy(row => (row.Provider, Token: scope.Tokens is null ? "" : row.TokenName, Hour: HourOf(row.StartedAt)))
            .Select(hour => new AttemptOutcomes(hour.Key.Provider, hour.Key.Token, hour.Key.Hour, hour.Count(row => row.Status == AttemptStatus.Success), hour.Count(row => row.Status == AttemptStatus.Failed)));

    private static DateTimeOffset HourOf(DateTimeOffset instant) => new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);

    private static AttemptStatistics HandCount(List<RefreshAttempt> log, string? provider, string[]? tokens, DateTimeOffset since)
    {
        var rows = log.Where(row => row.StartedAt >= since && (provider is null || row.Provider == provider) && (tokens is null || tokens.Contains(row.TokenName))).ToList();
        int Count(Func<RefreshAttempt, bool> fits) => rows.Count(fits);
        var (success, failed) = (Count(row => row.Status == AttemptStatus.Success), Count(row => row.Status == AttemptStatus.Failed));
        var (manual, forced) = (Count(row => row.TriggerType == TokenRefresh.Jobs.Tokens.RefreshTrigger.Manual), Count(row => row.TriggerType == TokenRefresh.Jobs.Tokens.RefreshTrigger.Forced));
        var took = rows.Where(row => row.Status is AttemptStatus.Success or AttemptStatus.Failed && row.DurationMs is not null).Select(row => row.DurationMs!.Value).Order().ToList();
        return new(
            rows.Count, success, failed, Count(row => row.Status == AttemptStatus.Skipped), rows.Count - manual - forced, manual, forced,
            success + failed == 0 ? null : (double)Math.Round(100m * success / (success + failed), 1, MidpointRounding.AwayFromZero),
            took.Count == 0 ? null : (double)Math.Round((decimal)took.Sum() / took.Count, 1, MidpointRounding.AwayFromZero),
            took.Count == 0 ? null : took[(int)Math.Ceiling(0.95m * took.Count) - 1]);
    }

    // As the program does: the change and the forgetting are one commit.
    private static async Task ChangeAsync(TokenWorld world, DateTimeOffset hour, string change)
    {
        await using var db = await world.ContextAsync();
        await using var transaction = await db.Database.BeginTransactionAsync();
        var rows = $"{change} WHERE started_at >= {{0}} AND started_at < {{1}}";
        await db.Database.ExecuteSqlRawAsync(rows, hour, hour.AddHours(1));
        await AttemptHours.SaveAsync(db, hour.AddMinutes(1), world.Clock.GetUtcNow(), default);
        await transaction.CommitAsync();
    }

    // Spread over 31 days up to now, with something of everything in each hour of the last three days and in every sixth before; only the newest still run.
    private static string Rows(int count) =>
        $"""
         INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
         SELECT CASE WHEN number % 3 = 0 THEN 'jibit' ELSE 'finnotech' END, CASE WHEN number % 3 = 0 THEN 'jibit' ELSE 'fino_' || number % 3 END, outcome,
                (ARRAY['automatic', 'manual', 'forced', 'due', 'on_demand'])[1 + number % 5], 'a test', '', '{"{{}}"}', timestamptz '{Some.Now:O}' - number * (interval '31 days' / {count}) + interval '1 hour' * CASE WHEN number * 744 / {count} > 72 THEN number * 744 / {count} % 6 ELSE 0 END,
                CASE WHEN outcome = 'running' OR number % 50 = 49 THEN NULL WHEN outcome = 'skipped' THEN 0 ELSE number * 7919 % 4000 END, 1, 'n',
                CASE WHEN outcome = 'failed' THEN (ARRAY['provider_down', 'rate_limited', 'internal'])[1 + number % 3] END
         FROM (SELECT number, CASE WHEN number < 9 AND number % 3 = 0 THEN 'running' ELSE (ARRAY['success', 'success', 'success', 'success', 'failed', 'skipped', 'skipped'])[1 + number * 31 % 7] END AS outcome FROM generate_series(0, {count - 1}) AS number) AS made
         """;

    private static async Task<bool> IsWaitingAsync(TokenWorld world)
    {
        await using var db = await world.ContextAsync();
        return await db.Database.SqlQuery<bool>($"""SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted) AS "Value" """).SingleAsync();
    }

    private static AttemptLog Log(TokenWorld world) => world.Node.GetRequiredService<AttemptLog>();

    private static AttemptHours Hours(TokenWorld world) => world.Node.GetRequiredService<AttemptHours>();
}
