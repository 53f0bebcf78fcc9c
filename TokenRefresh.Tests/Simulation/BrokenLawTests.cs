using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The simulator bites: whichever law is broken, a run notices: the one that is known for it, or another of the fixed ones.</summary>
public sealed class BrokenLawTests(PostgresFixture postgres, ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. BrokenLaws.All.Select(law => law.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_broken_law_is_noticed(string name)
    {
        var law = BrokenLaws.All.Single(each => each.Name == name);
        await using var database = await SimDatabase.CreateAsync(postgres);

        var noticed = Enumerable.Range(1, SimulationTests.FixedSeeds).Prepend(law.Seed).Select(seed => (Seed: seed, Words: SimWorld.Simulate(database, Scenario.Of(seed), law).Broken)).First(run => run.Words is not null);

        output.WriteLine($"seed {noticed.Seed}: {noticed.Words!.Split('\n')[0]}");
        noticed.Words.ShouldStartWith(law.Caught);

        // A run of the fixed ones, as it was drawn, is made with every law kept by SimulationTests, and is the same each time.
        if (!law.IsShaped && noticed.Seed <= SimulationTests.FixedSeeds)
        {
            return;
        }

        // A run that breaks leaves transactions open, so the same one without the fault has a database of its own.
        await using var other = await SimDatabase.CreateAsync(postgres);
        SimWorld.Simulate(other, law.Shape(Scenario.Of(noticed.Seed))).Broken.ShouldBeNull("nothing is wrong with the same run while the law is kept");
    }
}
