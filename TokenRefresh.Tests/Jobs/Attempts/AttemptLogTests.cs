using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
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

        (await Log(world).StatisticsAsync("jibit", Some.Now.AddHours(-24), CancellationToken.None)).SuccessRate.ShouldBeNull();
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
        (await Log(world).RecentAsync(new() { Provider = "jibit" }, 1, null, CancellationToken.None)).ShouldHaveSingleItem().Id.ShouldBe(4);
        (await Log(world).RecentAsync(new() { Provider = "finnotech" }, 1, null, CancellationToken.None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Clean_up_deletes_ended_rows_older_than_the_retention_and_nothing_else()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("TokenRefresh:Logging:CleanupAfterDays", "10"));
        await world.RefreshAsync();
        await world.ExecuteAsync(Rows(("success", "due", 1), ("running", "due", null)).Replace(Timestamp, Some.Now.AddDays(-11).ToString("O"), StringComparison.Ordinal));
        await world.ExecuteAsync(Rows(("failed", "due", 1)).Replace(Timestamp, Some.Now.AddDays(-9).ToString("O"), StringComparison.Ordinal));

        await world.Node.GetRequiredService<LogCleanup>().RunAsync(CancellationToken.None);

        (await world.LogAsync()).Select(row => row.Status).ShouldBe([AttemptStatus.Success, AttemptStatus.Running, AttemptStatus.Failed]);
        (await world.TokenAsync()).Version.ShouldBe(1);
    }

    [Theory]
    [InlineData(AttemptOrder.Newest)]
    [InlineData(AttemptOrder.Oldest)]
    [InlineData(AttemptOrder.Longest)]
    [InlineData(AttemptOrder.Shortest)]
    public async Task Each_order_goes_page_by_page_through_every_row_once_however_many_are_alike(AttemptOrder order)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Mixed(500));
        var all = await world.LogAsync();
        var expected = order switch
        {
            AttemptOrder.Newest => all.OrderByDescending(row => row.StartedAt).ThenByDescending(row => row.Id),
            AttemptOrder.Oldest => all.OrderBy(row => row.StartedAt).ThenBy(row => row.Id),
            AttemptOrder.Longest => all.Where(IsTimed).OrderByDescending(row => row.DurationMs).ThenByDescending(row => row.Id),
            _ => all.Where(IsTimed).OrderBy(row => row.DurationMs).ThenBy(row => row.Id),
        };

        List<long> seen = [];
        for (AttemptKey? after = null; ;)
        {
            var page = await Log(world).PageAsync(new(), order, after, 7, default);
            seen.AddRange(page.Rows.Select(row => row.Id));
            if (page.Next is null)
            {
                break;
            }

            after = AttemptKey.Parse($"{page.Next}");
        }

        seen.ShouldBe(expected.Select(row => row.Id));
        static bool IsTimed(RefreshAttempt row) => row is { Status: AttemptStatus.Success or AttemptStatus.Failed, DurationMs: not null };
    }

    [Fact]
    public async Task Every_filter_works_alone_and_with_every_other()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Mixed(500));
        var all = await world.LogAsync();
        var (since, until) = (Some.Now.AddHours(-8), Some.Now.AddHours(-2));
        (Func<AttemptFilter, AttemptFilter> Ask, Func<RefreshAttempt, bool> Fits)[] filters =
        [
            (filter => filter with { Since = since }, row => row.StartedAt >= since),
            (filter => filter with { Until = until }, row => row.StartedAt < until),
            (filter => filter with { Provider = "jibit" }, row => row.Provider == "jibit"),
            (filter => filter with { Token = "jibit" }, row => row.TokenName == "jibit"),
            (filter => filter with { Status = AttemptStatus.Failed }, row => row.Status == AttemptStatus.Failed),
            (filter => filter with { Trigger = RefreshTrigger.Due }, row => row.TriggerType == RefreshTrigger.Due),
            (filter => filter with { ErrorCode = "provider_down" }, row => row.ErrorCode == "provider_down"),
            (filter => filter with { Text = "OLGA" }, row => row.TriggeredBy.Contains("olga", StringComparison.Ordinal)),
        ];

        for (var chosen = 0; chosen < 1 << filters.Length; chosen++)
        {
            var asked = filters.Where((_, number) => (chosen & (1 << number)) != 0).ToList();
            var found = await Log(world).PageAsync(asked.Aggregate(new AttemptFilter(), (filter, each) => each.Ask(filter)), AttemptOrder.Newest, null, 1000, default);
            found.Rows.Select(row => row.Id).ShouldBe(all.Where(row => asked.All(each => each.Fits(row))).OrderByDescending(row => row.StartedAt).ThenByDescending(row => row.Id).Select(row => row.Id), $"{chosen:b8}");
        }
    }

    [Fact]
    public async Task A_search_for_text_stops_after_enough_rows_says_so_and_goes_on_from_there()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Mixed(45_000));
        await world.ExecuteAsync("UPDATE token_refresh_logs SET message = 'the needle' WHERE id = 44999");

        var pages = 0;
        AttemptPage page;
        for (AttemptKey? after = null; ; after = page.Next)
        {
            page = await Log(world).PageAsync(new() { Text = "Needle" }, AttemptOrder.Newest, after, 50, default);
            pages++;
            if (page.Rows.Count > 0 || page.Next is null)
            {
                break;
            }

            page.SearchedBackTo.ShouldNotBeNull();
        }

        page.Rows.ShouldHaveSingleItem().Id.ShouldBe(44_999);
        page.Next.ShouldBeNull();
        pages.ShouldBe(3);
    }

    [Fact]
    public async Task Newer_rows_are_counted_by_the_same_filter_up_to_a_limit()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(Mixed(500));
        var all = (await world.LogAsync()).OrderByDescending(row => row.StartedAt).ThenByDescending(row => row.Id).ToList();
        var than = AttemptKey.Of(all[100], AttemptOrder.Newest);

        (await Log(world).NewerAsync(new(), than, 1000, default)).ShouldBe(100);
        (await Log(world).NewerAsync(new(), than, 10, default)).ShouldBe(10);
        (await Log(world).NewerAsync(new() { Status = AttemptStatus.Failed, Text = "olga" }, than, 1000, default))
            .ShouldBe(all.Take(100).Count(row => row.Status == AttemptStatus.Failed && row.TriggeredBy.Contains("olga", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.2.3")]
    [InlineData("-1.2")]
    [InlineData("1.x")]
    [InlineData("9223372036854775807.1")]
    public void What_is_no_key_of_a_page_is_none(string text) => AttemptKey.Parse(text).ShouldBeNull();

    // Ten rows begin at each minute and durations repeat, so that a key that compares one column alone would lose some.
    private static string Mixed(int count) =>
        $"""
         INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node, error_code)
         SELECT (ARRAY['jibit', 'finnotech'])[1 + number % 2], (ARRAY['jibit', 'fino'])[1 + number % 2], (ARRAY['success', 'failed', 'skipped', 'running'])[1 + number % 4],
                (ARRAY['due', 'manual', 'forced'])[1 + number % 3], (ARRAY['schedule', 'user:olga'])[1 + number / 2 % 2], '100% _done', '{"{{}}"}',
                timestamptz '{Some.Now:O}' - number / 10 * interval '15 minutes', CASE WHEN number % 4 < 3 THEN number % 6 END, 1, 'n', CASE WHEN number % 4 = 1 THEN (ARRAY['provider_down', 'internal'])[1 + number / 8 % 2] END
         FROM generate_series(0, {count - 1}) AS number
         """;

    private const string Timestamp = "2026-03-01T11:00:00Z";

    private static AttemptLog Log(TokenWorld world) => world.Node.GetRequiredService<AttemptLog>();

    private static string Rows(params (string Status, string Trigger, int? Took)[] rows) =>
        "INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, duration_ms, attempt, node) VALUES "
        + string.Join(", ", rows.Select(row => $"('jibit', 'jibit', '{row.Status}', '{row.Trigger}', 'a test', '', '{{{{}}}}', '{Timestamp}', {row.Took?.ToString() ?? "NULL"}, 1, 'n')"));
}
