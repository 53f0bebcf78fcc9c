using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The simulator bites: whichever law is broken, some of the first seeds notices.</summary>
public sealed class BrokenLawTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private const int Seeds = 60;

    public static TheoryData<string> Names => [.. BrokenLaws.All.Select(law => law.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_broken_law_is_noticed(string name)
    {
        var law = BrokenLaws.All.Single(each => each.Name == name);
        await using var database = await SimDatabase.CreateAsync(postgres);

        var noticed = Enumerable.Range(1, Seeds).Select(seed => (Seed: seed, Words: SimWorld.Simulate(database, Scenario.Of(seed), law).Broken)).First(run => run.Words is not null);

        output.WriteLine($"seed {noticed.Seed}: {noticed.Words}");
        noticed.Words!.ShouldStartWith(law.Caught);
    }
}
