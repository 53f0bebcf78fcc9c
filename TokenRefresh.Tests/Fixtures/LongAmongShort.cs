using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(TokenRefresh.Tests.Fixtures.LongAmongShort))]

namespace TokenRefresh.Tests.Fixtures;

/// <summary>
/// Spreads the classes that take a minute, and mostly wait for processes, evenly among all others: the processors have work while those wait, and none of them
/// is begun when all others have ended.
/// </summary>
public sealed class LongAmongShort : ITestCollectionOrderer
{
    private static readonly string[] Long = [".Processes.", ".Simulation.", ".Browser.", "HostileDashboard", "HostileSettings"];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection
    {
        var byName = testCollections.OrderBy(collection => collection.UniqueID, StringComparer.Ordinal).ToLookup(collection => Long.Any(collection.TestCollectionDisplayName.Contains));
        return [.. Places(byName[true], 0.85).Concat(Places(byName[false], 1)).OrderBy(placed => placed.At).Select(placed => placed.Collection)];
    }

    // Evenly from the start up to a share of the run.
    private static IEnumerable<(double At, TTestCollection Collection)> Places<TTestCollection>(IEnumerable<TTestCollection> collections, double share)
    {
        var all = collections.ToList();
        return all.Select((collection, place) => (share * place / all.Count, collection));
    }
}
