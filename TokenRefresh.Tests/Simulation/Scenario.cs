using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>What a run is about: which tokens, on how many nodes, for how long, with how many faults.</summary>
internal sealed record Scenario(int Seed, SimPlan Plan, int Nodes, TimeSpan Length, int Faults)
{
    /// <summary>After the last fault, for everything to become well again: the longest pause after failures, which short lives do not have, and a little more.</summary>
    public TimeSpan Recovery => TimeSpan.FromMinutes(Length < TimeSpan.FromHours(1) ? 15 : 70);

    /// <summary>The longest that anything stays away, in proportion to the lives that are at stake.</summary>
    public TimeSpan LongestOutage => TimeSpan.FromTicks(Math.Clamp(Length.Ticks / 10, TimeSpan.FromMinutes(2).Ticks, TimeSpan.FromHours(6).Ticks));

    /// <summary>The longest that a replica is behind, in proportion to the lives that are at stake.</summary>
    public TimeSpan LongestLag => TimeSpan.FromTicks(Math.Clamp(Length.Ticks / 20, TimeSpan.FromMinutes(1).Ticks, TimeSpan.FromHours(1).Ticks));

    /// <summary>A scheduler that is late by this much is no fault; it keeps long outages short to run.</summary>
    public TimeSpan LatestTick => TimeSpan.FromTicks(Math.Max(TimeSpan.FromMinutes(1).Ticks, LongestOutage.Ticks / 12));

    /// <summary>One node, one token of a day, a week, no faults.</summary>
    public static Scenario Week(int seed) => new(
        seed,
        new([new("jibit", "p1", Grant.ClientCredentials)], [("p1", new(TimeSpan.FromDays(1), TimeSpan.FromDays(2), Rotates: true, KillsOldToken: true, TimeSpan.Zero))]),
        1, TimeSpan.FromDays(7), 0);

    /// <summary>Reads by programs, spread over the run.</summary>
    public int Reads { get; private init; } = 150;

    /// <summary>Each fault is one of these, whichever is drawn.</summary>
    public IReadOnlyList<Fault> Mix { get; init; } =
    [
        Fault.Weather, Fault.Weather, Fault.Weather, Fault.Weather, Fault.Crash, Fault.Crash, Fault.Crash, Fault.Pause, Fault.Pause, Fault.LostDatabase, Fault.LostDatabase,
        Fault.Failover, Fault.Failover, Fault.Failover, Fault.ReadOnlyDatabase, Fault.CutOff, Fault.MovedClock, Fault.MovedClock, Fault.LostMail,
    ];

    /// <summary>How the providers are until the first fault that changes it.</summary>
    public ProviderWeather Weather { get; init; } = ProviderWeather.Fair;

    /// <summary>A run that has taken this many steps does not end.</summary>
    public int MostSteps { get; private init; } = 100_000;

    /// <summary>Three nodes, several tokens, all faults: everything drawn from the seed.</summary>
    public static Scenario Of(int seed)
    {
        var chance = new Chance(seed);
        var (shortest, longest, length) = chance.Pick<(TimeSpan, TimeSpan, TimeSpan)>(
        [
            (TimeSpan.FromSeconds(40), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(20)),
            (TimeSpan.FromMinutes(5), TimeSpan.FromHours(2), TimeSpan.FromHours(8)),
            (TimeSpan.FromHours(12), TimeSpan.FromDays(10), TimeSpan.FromDays(20)),
        ]);
        return new(seed, Draw(chance, chance.Pick([1, 2]), () => chance.Pick([2, 3, 4]), shortest, longest), 3, length, 12);
    }

    /// <summary>The same with many tokens that are due at once, at several providers, so that refreshes share their writes.</summary>
    public static Scenario Crowd(int seed)
    {
        var (chance, hour) = (new Chance(seed), TimeSpan.FromHours(1));
        var traits = new ProviderTraits(TimeSpan.FromMinutes(chance.Between(10, 40)), hour * chance.Between(1.5, 4), Rotates: true, KillsOldToken: chance.Of(0.5), TimeSpan.Zero) { Beat = TimeSpan.FromSeconds(1) };
        string[] providers = ["p1", "p2", "p3", "p4", "p5"];
        return new(seed, new([.. Enumerable.Range(1, 12).Select(number => new SimToken($"t{number}", chance.Pick(providers), chance.Of(0.25) ? Grant.Imported : Grant.ClientCredentials))], [.. providers.Select(name => (name, traits))]), 3, hour, 12)
        {
            Reads = 50,
        };
    }

    /// <summary>The same for a year, with a hundred tokens: some minutes to run, so by hand.</summary>
    public static Scenario Year(int seed) =>
        new(seed, Draw(new(seed), 4, () => 100, TimeSpan.FromHours(12), TimeSpan.FromDays(10)), 3, TimeSpan.FromDays(365), 220) { Reads = 20_000, MostSteps = 20_000_000 };

    private static SimPlan Draw(Chance chance, int providerCount, Func<int> tokenCount, TimeSpan shortest, TimeSpan longest)
    {
        var providers = Enumerable.Range(1, providerCount).Select(number => ($"p{number}", Traits())).ToList();
        var tokens = Enumerable.Range(1, tokenCount()).Select(number =>
        {
            var (provider, traits) = chance.Pick(providers);
            return new SimToken($"t{number}", provider, traits.RefreshLife is not null && chance.Of(0.25) ? Grant.Imported : Grant.ClientCredentials);
        }).ToList();
        return new(tokens, providers);

        ProviderTraits Traits()
        {
            var life = chance.Between(shortest, longest);
            return new(
                life, chance.Of(0.8) ? life * chance.Between(1.5, 4) : null, Rotates: chance.Of(0.7), KillsOldToken: chance.Of(0.5),
                chance.Of(0.3) ? life * 0.2 : TimeSpan.Zero);
        }
    }
}
