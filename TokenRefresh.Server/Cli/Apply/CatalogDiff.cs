using TokenRefresh.Jobs.Catalog;

namespace TokenRefresh.Server.Cli.Apply;

/// <summary>A plan as a unified diff, so that what colours one colours this.</summary>
internal static class CatalogDiff
{
    private const string Nothing = "/dev/null";

    /// <summary>One step.</summary>
    public static IEnumerable<string> Lines(CatalogStep step) =>
    [
        $"--- {(step.Act == CatalogAct.Add ? Nothing : $"{step}")}",
        $"+++ {(step.Act == CatalogAct.Remove ? Nothing : $"{step}")}",
        .. step.Differences.SelectMany(Lines),
    ];

    /// <summary>Such as <c>2 added, 1 changed, 0 removed</c>.</summary>
    public static string Count(IReadOnlyCollection<CatalogStep> steps, string added, string changed, string removed) =>
        $"{steps.Count(step => step.Act == CatalogAct.Add)} {added}, {steps.Count(step => step.Act == CatalogAct.Change)} {changed}, {steps.Count(step => step.Act == CatalogAct.Remove)} {removed}";

    private static IEnumerable<string> Lines(CatalogDifference difference)
    {
        if (difference.Before is { } before)
        {
            yield return $"-{difference.Field}: {before}";
        }

        if (difference.After is { } after)
        {
            yield return $"+{difference.Field}: {after}{(after == difference.Before ? " (changed)" : "")}";
        }
    }
}
