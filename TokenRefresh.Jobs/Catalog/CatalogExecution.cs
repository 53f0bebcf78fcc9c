using System.Collections.Concurrent;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Carries a plan out: providers first, then tokens, then the providers that no token needs any more. What fails stops nothing but what needs it.</summary>
public static class CatalogExecution
{
    /// <summary>As many tokens are tried at a time, so that thousands of them take minutes; a provider gets no more calls at once than refreshes make.</summary>
    private const int TokensAtOnce = 8;

    /// <summary>Makes every step of a plan in which nothing is wrong.</summary>
    /// <param name="progress">Is told of each step once it has ended.</param>
    public static async Task<CatalogOutcome> RunAsync(CatalogPlan plan, CatalogChange change, Action<CatalogStep> progress, CancellationToken cancellationToken)
    {
        var (done, failed, skipped) = (new ConcurrentQueue<CatalogStep>(), new ConcurrentQueue<(CatalogStep Step, string Reason)>(), new ConcurrentQueue<CatalogStep>());
        foreach (var step in plan.Steps.Where(step => step is { IsToken: false, Act: not CatalogAct.Remove }))
        {
            await RunAsync(step);
        }

        var missing = failed.Where(one => one.Step.Act == CatalogAct.Add).Select(one => one.Step.Name).ToHashSet();
        await Parallel.ForEachAsync(
            plan.Steps.Where(step => step.IsToken), new ParallelOptions { MaxDegreeOfParallelism = TokensAtOnce, CancellationToken = cancellationToken }, async (step, _) =>
            {
                if (missing.Contains(step.Provider))
                {
                    skipped.Enqueue(step);
                    progress(step);
                    return;
                }

                await RunAsync(step);
            });

        foreach (var step in plan.Steps.Where(step => step is { IsToken: false, Act: CatalogAct.Remove }))
        {
            await RunAsync(step);
        }

        return new([.. done], [.. failed], [.. skipped]);

        async Task RunAsync(CatalogStep step)
        {
            switch (await step.RunAsync(change, cancellationToken))
            {
                case CatalogResult.Done:
                    done.Enqueue(step);
                    break;
                case CatalogResult.Refused refused:
                    failed.Enqueue((step, string.Join(" ", refused.Reasons)));
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }

            progress(step);
        }
    }
}
