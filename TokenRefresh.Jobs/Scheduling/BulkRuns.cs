using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Refreshes of many tokens that one person asked for at once.</summary>
public sealed class BulkRun
{
    /// <summary>Grows with time.</summary>
    public long Id { get; private set; }

    /// <summary>When it was asked for.</summary>
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>Who asked, as in the audit.</summary>
    public string Actor { get; init; } = "";

    /// <summary>True where the tokens are refreshed whether they are due or not.</summary>
    public bool IsForced { get; init; }

    /// <summary>The tokens, by name.</summary>
    public List<string> Tokens { get; init; } = [];

    /// <summary>The jobs that refresh them.</summary>
    public List<string> Jobs { get; init; } = [];
}

internal sealed class BulkRunConfiguration : IEntityTypeConfiguration<BulkRun>
{
    public void Configure(EntityTypeBuilder<BulkRun> builder)
    {
        builder.ToTable("bulk_runs").HasKey(run => run.Id);
        builder.HasIndex(run => run.StartedAt);
    }
}

/// <summary>How far a run is.</summary>
/// <param name="Run">What was asked for.</param>
/// <param name="Results">The attempt of each token that has ended, by name.</param>
public sealed record BulkProgress(BulkRun Run, IReadOnlyDictionary<string, RefreshAttempt> Results)
{
    /// <summary>True once every token has a result.</summary>
    public bool IsDone => Results.Count >= Run.Tokens.Count;

    /// <summary>How many ended so.</summary>
    public int Count(AttemptStatus status) => Results.Values.Count(row => row.Status == status);
}

/// <summary>Starts refreshes of many tokens, and reads how far they are. Kept as long as the log.</summary>
public sealed class BulkRuns(IDbContextFactory<TokenRefreshDbContext> contexts, RefreshQueue queue, TimeProvider clock) : IRetention
{
    /// <summary>Puts a refresh of each token on the queue.</summary>
    /// <returns>The run, with the jobs that hold its tokens.</returns>
    public async Task<(BulkRun Run, IReadOnlyList<(string JobId, string[] Tokens)> Jobs)> StartAsync(IReadOnlyCollection<string> tokens, bool isForced, string by, CancellationToken cancellationToken)
    {
        var startedAt = clock.GetUtcNow();
        var jobs = queue.Enqueue(tokens, isForced ? RefreshTrigger.Forced : RefreshTrigger.Manual, by);
        var run = new BulkRun { StartedAt = startedAt, Actor = by, IsForced = isForced, Tokens = [.. tokens], Jobs = [.. jobs.Select(job => job.JobId)] };
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        db.Add(run);
        await db.SaveChangesAsync(cancellationToken);
        return (run, jobs);
    }

    /// <summary>How far a run is; null where there is none of that number.</summary>
    public async Task<BulkProgress?> FindAsync(long id, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.Set<BulkRun>().AsNoTracking().SingleOrDefaultAsync(run => run.Id == id, cancellationToken) is not { } run)
        {
            return null;
        }

        var rows = await db.Attempts.AsNoTracking().Where(row => run.Jobs.Contains(row.JobId!) && row.Status != AttemptStatus.Running).OrderBy(row => row.Id).ToListAsync(cancellationToken);
        return new(run, rows.GroupBy(row => row.TokenName).ToDictionary(token => token.Key, token => token.Last(), StringComparer.Ordinal));
    }

    /// <inheritdoc />
    public Task CleanUpAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken) =>
        db.Set<BulkRun>().Where(run => run.StartedAt < before).ExecuteDeleteAsync(cancellationToken);
}
