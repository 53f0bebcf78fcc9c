using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The simulator bites: whichever law is broken, a run notices: the one that is known for it, or some other.</summary>
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

        var noticed = Enumerable.Range(1, Seeds).Prepend(law.Seed).Select(seed => (Seed: seed, Words: SimWorld.Simulate(database, Scenario.Of(seed), law).Broken)).First(run => run.Words is not null);

        output.WriteLine($"seed {noticed.Seed}: {noticed.Words}");
        noticed.Words!.ShouldStartWith(law.Caught);
    }
}
