namespace TokenRefresh.Jobs.Catalog;

/// <summary>What is done to one provider or token.</summary>
public enum CatalogAct
{
    /// <summary>It is not there yet.</summary>
    Add,

    /// <summary>It is there, and different.</summary>
    Change,

    /// <summary>It is there, and not wanted.</summary>
    Remove,
}

/// <summary>What differs. Of a secret only the last four characters are here.</summary>
/// <param name="Before">As it is stored; null for nothing.</param>
/// <param name="After">As it will be; null for nothing.</param>
public sealed record CatalogDifference(string Field, string? Before, string? After);

/// <summary>A change of one provider or token, not made yet.</summary>
/// <param name="IsToken">False: it is a provider.</param>
/// <param name="Provider">The provider of a token; a provider's own name.</param>
public sealed record CatalogStep(CatalogAct Act, bool IsToken, string Name, string Provider, IReadOnlyList<CatalogDifference> Differences)
{
    /// <summary>Makes the change.</summary>
    internal Func<CatalogChange, CancellationToken, Task<CatalogResult>> RunAsync { get; init; } = (_, _) => throw new InvalidOperationException("The step was not planned.");

    /// <summary>As people call it, for example <c>token acme-orders</c>.</summary>
    public override string ToString() => $"{(IsToken ? "token" : "provider")} {Name}";
}

/// <summary>How the catalogue is brought in line with what somebody wants.</summary>
/// <param name="Steps">In the order in which they are made.</param>
/// <param name="Unchanged">How many are as they should be.</param>
/// <param name="Wrong">What is not allowed, a sentence each; with any of it nothing may be done.</param>
public sealed record CatalogPlan(IReadOnlyList<CatalogStep> Steps, int Unchanged, IReadOnlyList<string> Wrong);

/// <summary>What came of a plan.</summary>
/// <param name="Done">The steps that were made.</param>
/// <param name="Failed">Those that were not, with the reason.</param>
/// <param name="Skipped">Tokens that were not tried, because their provider could not be added.</param>
public sealed record CatalogOutcome(IReadOnlyList<CatalogStep> Done, IReadOnlyList<(CatalogStep Step, string Reason)> Failed, IReadOnlyList<CatalogStep> Skipped);
