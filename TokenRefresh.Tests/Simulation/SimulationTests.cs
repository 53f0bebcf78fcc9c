using System.Globalization;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>
/// The engine keeps its invariants, whatever fails and in whatever order things happen. A broken one prints its seed;
/// <c>TOKENREFRESH_SIM_SEED=n</c> makes that run again. <c>TOKENREFRESH_SIM_SEEDS=n</c> makes n runs instead of the fixed ones.
/// </summary>
public sealed class SimulationTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private const int FixedSeeds = 12;

    private static readonly int First = int.Parse(Environment.GetEnvironmentVariable("TOKENREFRESH_SIM_FROM") ?? "1", CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_week_without_faults_renews_a_days_token_in_time_every_time()
    {
        await using var database = await SimDatabase.CreateAsync(postgres);

        var report = Simulate(database, Scenario.Week(1));

        report.Calls.ShouldBeInRange(10, 11, "a day's token is renewed after sixteen hours");
        output.WriteLine($"{report with { Trace = [] }}");
    }

    [Fact]
    public async Task Every_invariant_holds_under_all_faults()
    {
        await using var database = await SimDatabase.CreateAsync(postgres);
        var seeds = Environment.GetEnvironmentVariable("TOKENREFRESH_SIM_SEED") is { Length: > 0 } one ? [int.Parse(one, CultureInfo.InvariantCulture)]
            : Enumerable.Range(First, Environment.GetEnvironmentVariable("TOKENREFRESH_SIM_SEEDS") is { Length: > 0 } many ? int.Parse(many, CultureInfo.InvariantCulture) : FixedSeeds);
        var failures = new List<string>();
        foreach (var seed in seeds)
        {
            var started = TimeProvider.System.GetTimestamp();
            try
            {
                var report = Simulate(database, Scenario.Of(seed));
                output.WriteLine($"{TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0}s {report with { Trace = [] }}");
            }
            catch (InvariantBrokenException broken)
            {
                failures.Add(broken.Message);
                File.WriteAllLines($"/tmp/simtrace-{seed}", broken.Trace);
                output.WriteLine($"SEED {seed} {broken.What}");
            }
        }

        failures.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_run_is_the_same_each_time_it_is_made_from_its_seed()
    {
        await using var database = await SimDatabase.CreateAsync(postgres);

        for (var seed = 1; seed <= 3; seed++)
        {
            var (once, again) = (Simulate(database, Scenario.Of(seed)), Simulate(database, Scenario.Of(seed)));
            output.WriteLine($"{once with { Trace = [] }}");
            again.Trace.ShouldBe(once.Trace);
        }
    }

    private static RunReport Simulate(SimDatabase database, Scenario scenario, BrokenLaw? law = null)
    {
        using var world = new SimWorld(database, scenario.Plan, scenario.Seed, scenario.Nodes, law ?? BrokenLaw.None);
        return new Simulation(world, scenario).Run();
    }
}
