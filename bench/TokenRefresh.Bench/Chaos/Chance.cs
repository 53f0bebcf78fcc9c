namespace TokenRefresh.Bench.Chaos;

/// <summary>Choices drawn from the run's seed; each part of the run has its own, so that what one does shifts no other's.</summary>
internal sealed class Chance(int seed, int part)
{
    private readonly Lock gate = new();
#pragma warning disable CA5394 // A schedule must be the same each time it is drawn from its seed.
    private readonly Random random = new(unchecked((seed * 31) + part));

    public bool Of(double probability) => Share() < probability;

    public TimeSpan Between(double lowSeconds, double highSeconds) => TimeSpan.FromSeconds(lowSeconds + (Share() * (highSeconds - lowSeconds)));

    public T Pick<T>(IReadOnlyList<T> all)
    {
        lock (gate)
        {
            return all[random.Next(all.Count)];
        }
    }

    public T[] Shuffle<T>(IEnumerable<T> all)
    {
        lock (gate)
        {
            T[] shuffled = [.. all];
            random.Shuffle(shuffled);
            return shuffled;
        }
    }

    private double Share()
    {
        lock (gate)
        {
            return random.NextDouble();
        }
    }
#pragma warning restore CA5394
}
