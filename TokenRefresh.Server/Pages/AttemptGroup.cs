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
    public static async Task<IReadOnlyList<AttemptGroup>> FoldAsync(AttemptLog log, IEnumerable<RefreshAttempt> rows, CancellationToken cancellationToken)
    {
        var groups = new List<AttemptGroup>();
        var runs = new List<(FailureRun Run, int At)>();
        foreach (var row in rows)
        {
            if (runs.Find(known => known.Run.Holds(row)) is { Run: not null } known)
            {
                groups[known.At] = row.StartedAt > groups[known.At].Newest.StartedAt ? groups[known.At] with { Newest = row } : groups[known.At];
            }
            else if (row.Status == AttemptStatus.Failed)
            {
                var run = await log.RunAsync(row, cancellationToken);
                runs.Add((run, groups.Count));
                groups.Add(new(row, run.Since, run.Count, run.IsWhole));
            }
            else
            {
                groups.Add(Of(row));
            }
        }

        return groups;
    }
}
