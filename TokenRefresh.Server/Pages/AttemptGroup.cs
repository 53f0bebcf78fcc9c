using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages;

/// <summary>Attempts in a row that say the same: failures of one token for one reason are one line with their count.</summary>
/// <param name="Newest">The newest of those that were read, which stands for all.</param>
/// <param name="Since">When the oldest of them began.</param>
/// <param name="Count">How many they are, also where the rows that were read end among them.</param>
/// <param name="IsWhole">False where there may be more.</param>
internal sealed record AttemptGroup(RefreshAttempt Newest, DateTimeOffset Since, int Count, bool IsWhole)
{
    /// <summary>An attempt by itself.</summary>
    public static AttemptGroup Of(RefreshAttempt row) => new(row, row.StartedAt, 1, true);

    /// <summary>Folds rows that stand in the order of time. How many a group has is asked of the log, so that every page says the same, whichever rows it read.</summary>
    public static async Task<IReadOnlyList<AttemptGroup>> FoldAsync(AttemptLog log, IReadOnlyCollection<RefreshAttempt> rows, CancellationToken cancellationToken)
    {
        var runs = await log.RunsAsync([.. rows.Where(row => row.Status == AttemptStatus.Failed)], cancellationToken);
        var groups = new List<AttemptGroup>();
        var places = new Dictionary<FailureRun, int>();
        foreach (var row in rows)
        {
            if (runs.FirstOrDefault(run => run.Holds(row)) is not { } run)
            {
                groups.Add(Of(row));
            }
            else if (places.TryAdd(run, groups.Count))
            {
                groups.Add(new(row, run.Since, run.Count, run.IsWhole));
            }
            else if (row.StartedAt > groups[places[run]].Newest.StartedAt)
            {
                groups[places[run]] = groups[places[run]] with { Newest = row };
            }
        }

        return groups;
    }
}
