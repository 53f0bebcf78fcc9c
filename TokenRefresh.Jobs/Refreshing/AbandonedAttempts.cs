using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Closes what dead processes left open, and makes their tokens due again.</summary>
internal static class AbandonedAttempts
{
    private const string Message = "The process ended before the provider's answer was saved; the outcome is unknown.";

    private static readonly string Code = FailureKind.Abandoned.Code();

    /// <summary>Under the token's lease, any row that still runs is abandoned. Returns how many there were.</summary>
    public static Task<int> CloseOfAsync(TokenRefreshDbContext db, string token, DateTimeOffset now) => CloseAsync(
        db.Attempts.Where(attempt => attempt.TokenName == token && attempt.Status == AttemptStatus.Running), now, CancellationToken.None);

    /// <summary>Frees every lease that has run out, closes its rows and makes its token due. Returns the tokens' names.</summary>
    public static async Task<IReadOnlyList<string>> ReclaimAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var names = await db.Database.SqlQuery<string>(
            $"""
             UPDATE tokens SET lease_owner = NULL, lease_until = NULL, queued_until = NULL, next_attempt_at = NULL, retry_job_id = NULL,
                    refresh_due_at = LEAST(refresh_due_at, {now}), due_reason = 'its last attempt was abandoned',
                    consecutive_failures = consecutive_failures + 1, last_error_code = {Code}, last_error = {Message}
             WHERE lease_until < clock_timestamp()
             RETURNING name
             """).ToListAsync(cancellationToken);
        if (names.Count > 0)
        {
            await CloseAsync(db.Attempts.Where(attempt => names.Contains(attempt.TokenName) && attempt.Status == AttemptStatus.Running), now, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return names;
    }

    private static Task<int> CloseAsync(IQueryable<RefreshAttempt> rows, DateTimeOffset now, CancellationToken cancellationToken) =>
        rows.ExecuteUpdateAsync(row => row
            .SetProperty(attempt => attempt.Status, AttemptStatus.Failed)
            .SetProperty(attempt => attempt.ErrorCode, Code)
            .SetProperty(attempt => attempt.Message, Message)
            .SetProperty(attempt => attempt.ErrorDetails, Message)
            .SetProperty(attempt => attempt.CompletedAt, now),
            cancellationToken);
}
