using System.Globalization;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>
/// The engine keeps its invariants, whatever fails and in whatever order things happen. A broken one is told with its seed and its last steps.
/// By hand: <c>TOKENREFRESH_SIM_SEED=7</c> makes the run of that seed again, <c>TOKENREFRESH_SIM_SEEDS=1000</c> makes that many runs instead of the
/// fixed ones, the first from <c>TOKENREFRESH_SIM_FROM</c>; <c>TOKENREFRESH_SIM_TRACE=folder</c> keeps every step of those that fail,
/// <c>TOKENREFRESH_SIM_LAW=lease</c> breaks the first law with that word in its name,
/// <c>TOKENREFRESH_SIM_SHAPE=lease</c> makes the runs in which that would show and keeps the law, and <c>TOKENREFRESH_SIM_YEAR=1</c> makes each run a year of a hundred tokens.
/// </summary>
public sealed class SimulationTests(PostgresFixture postgres, ITestOutputHelper output)
{
    internal const int FixedSeeds = 20;
    private const int Parts = 4, FixedCrowds = 6;

    /// <summary>Runs that found something once: an attempt of a paused node that took a restored database's newer token for an older one, and a mail whose row was lost on its way.</summary>
    private static readonly int[] FoundSomething = [106, 271];

    /// <summary>Of the crowds: an answer that was saved twice at once after a failover, and the second time for newer than what had overtaken it.</summary>
    private const int CrowdThatFoundSomething = 324;

    private const int Tail = 80;

    [Fact]
    public async Task A_week_without_faults_renews_a_days_token_in_time_every_time()
    {
        await using var database = await SimDatabase.CreateAsync(postgres);

        var report = SimWorld.Simulate(database, Scenario.Week(1));

        report.Broken.ShouldBeNull();
        report.Calls.ShouldBeInRange(10, 11, "a day's token is renewed after sixteen hours");
    }

    [Fact]
    public async Task A_run_is_the_same_each_time_it_is_made_from_its_seed()
    {
        await using var database = await SimDatabase.CreateAsync(postgres);

        var (once, again) = (SimWorld.Simulate(database, Scenario.Of(1)), SimWorld.Simulate(database, Scenario.Of(1)));

        var same = once.Trace.Zip(again.Trace).TakeWhile(pair => pair.First == pair.Second).Count();
        again.Trace.Skip(same).Take(Tail).ShouldBe(once.Trace.Skip(same).Take(Tail), $"after {same} steps, the last: {string.Join('\n', once.Trace.Take(same).TakeLast(Tail))}");
    }

    // In parts, because they share nothing and processors are there to be used.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public Task Every_invariant_holds_under_all_faults(int part) => HoldsAsync(Seeds().Where(seed => seed % Parts == part), Setting("YEAR") is null ? Scenario.Of : Scenario.Year);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public Task Every_invariant_holds_where_refreshes_share_their_writes(int part) =>
        HoldsAsync((Setting("SEED") is null && Setting("SEEDS") is null ? Enumerable.Range(1, FixedCrowds).Append(CrowdThatFoundSomething) : Seeds()).Where(seed => seed % 2 == part), Scenario.Crowd);

    private async Task HoldsAsync(IEnumerable<int> seeds, Func<int, Scenario> scenarioOf)
    {
        await using var database = await SimDatabase.CreateAsync(postgres);
        var reports = new List<RunReport>();
        var law = Law("LAW") ?? (Law("SHAPE") is { } kept ? BrokenLaw.None with { Shape = kept.Shape } : null);

        foreach (var seed in seeds)
        {
            var report = SimWorld.Simulate(database, scenarioOf(seed), law);
            output.WriteLine($"seed {seed}: {report.Steps} steps, {report.Calls} calls, {report.Reads} reads in {report.Simulated}: {report.Broken ?? "well"}");
            Keep(report);
            reports.Add(report with { Trace = report.Broken is null ? [] : report.Trace });
        }

        output.WriteLine($"{reports.Sum(report => report.Steps)} steps in {reports.Count} runs of {TimeSpan.FromTicks(reports.Sum(report => report.Simulated.Ticks)).TotalDays:0} days");
        reports.Where(report => report.Broken is not null)
            .Select(report => $"{report.Broken}\nTOKENREFRESH_SIM_SEED={report.Seed} runs it again. Its last steps:\n{string.Join('\n', report.Trace.TakeLast(Tail))}")
            .ShouldBeEmpty();
    }

    private static BrokenLaw? Law(string setting) => BrokenLaws.All.FirstOrDefault(each => Setting(setting) is { } part && each.Name.Contains(part, StringComparison.Ordinal));

    private static IEnumerable<int> Seeds() => Setting("SEED") is { } one
        ? [Number(one)]
        : Enumerable.Range(Number(Setting("FROM") ?? "1"), Number(Setting("SEEDS") ?? $"{FixedSeeds}")).Concat(Setting("SEEDS") is null ? FoundSomething : []);

    private static void Keep(RunReport report)
    {
        if (report.Broken is not null && Setting("TRACE") is { } folder)
        {
            File.WriteAllLines(Path.Combine(folder, $"seed-{report.Seed}.txt"), report.Trace);
        }
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable($"TOKENREFRESH_SIM_{name}") is { Length: > 0 } value ? value : null;

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
