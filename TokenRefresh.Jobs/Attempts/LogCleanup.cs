using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>Retention of the log, bound from <c>TokenRefresh:Logging</c>.</summary>
public sealed class LogOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Logging";

    /// <summary>Rows of ended attempts that are older are deleted each night. Default 30 days.</summary>
    [Between(1, 3650)]
    public int CleanupAfterDays { get; set; } = 30;
}

/// <summary>Deletes old rows of the log, and of what other rooms keep for as long.</summary>
public sealed class LogCleanup(IDbContextFactory<TokenRefreshDbContext> contexts, IEnumerable<IRetention> others, IOptions<LogOptions> options, TimeProvider clock)
{
    /// <summary>Rows in one statement, so that no long lock is held.</summary>
    private const int Chunk = 10_000;

    /// <summary>Deletes ended attempts, deliveries and incidents that are older than the retention; what runs, waits or lasts stays whatever its age.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var before = clock.GetUtcNow() - TimeSpan.FromDays(options.Value.CleanupAfterDays);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        while (await DeleteAsync(db, before, cancellationToken) == Chunk)
        {
        }

        foreach (var other in others)
        {
            await other.CleanUpAsync(db, before, cancellationToken);
        }
    }

    private static async Task<int> DeleteAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var log = db.Attempts;
        var deleted = await log
            .Where(old => log.Where(row => row.StartedAt < before && row.Status != AttemptStatus.Running).OrderBy(row => row.Id).Take(Chunk).Select(row => row.Id).Contains(old.Id))
            .ExecuteDeleteAsync(cancellationToken);
        await AttemptHours.ForgetAsync(db, DateTimeOffset.MinValue, before, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return deleted;
    }
}
