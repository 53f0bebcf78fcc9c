using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Closes attempts that ended processes left open, and makes their tokens due again.</summary>
internal static class AbandonedAttempts
{
    private const string Message = "The process ended before the provider's answer was saved; the result is unknown.";

    private static readonly string Code = FailureKind.Abandoned.Code();

    /// <summary>
    /// Frees every lease that has run out; where a call may have been made under it, closes its rows and makes its token due. Returns the tokens' names: none
    /// soon after an outage, when a holder may still save what was issued to him.
    /// </summary>
    /// <param name="only">This token alone, for whoever has met its lease; null for all tokens, as the due check asks.</param>
    public static async Task<IReadOnlyList<string>> ReclaimAsync(
        TokenRefreshDbContext db, DatabaseContact contact, DateTimeOffset now, string? only, CancellationToken cancellationToken)
    {
        if (!contact.IsSteady)
        {
            return [];
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var names = await db.Database.SqlQuery<string>(only is null ? OfAll(now) : OfOne(only)).ToListAsync(cancellationToken);
        if (names.Count > 0)
        {
            // Each call has its row before it is made, so without a row nothing is unknown: the holder of the lease had made no call.
            await db.Database.ExecuteSqlAsync(
                $"""
                 UPDATE tokens SET next_attempt_at = NULL, retry_job_id = NULL, refresh_due_at = LEAST(refresh_due_at, {now}), due_reason = 'its last attempt was abandoned',
                        last_attempt_at = running.since, consecutive_failures = consecutive_failures + 1, last_error_code = {Code}, last_error = {Message}
                 FROM (SELECT token_name, max(started_at) AS since FROM token_refresh_logs WHERE status = 'running' GROUP BY token_name) AS running
                 WHERE name = ANY({names}) AND token_name = name
                 """, cancellationToken);
        }

        // Also of tokens without a holder: a node that was suspended between its lease and its row may have opened one, and ended.
        var tokens = db.Tokens;
        await db.Attempts
            .Where(attempt => attempt.Status == AttemptStatus.Running && (only == null || attempt.TokenName == only)
                && (names.Contains(attempt.TokenName) || !tokens.Any(token => token.Name == attempt.TokenName && token.LeaseOwner != null)))
            .ExecuteUpdateAsync(
                row => row
                    .SetProperty(attempt => attempt.Status, AttemptStatus.Failed)
                    .SetProperty(attempt => attempt.ErrorCode, Code)
                    .SetProperty(attempt => attempt.Message, Message)
                    .SetProperty(attempt => attempt.ErrorDetails, Message)
                    .SetProperty(attempt => attempt.CompletedAt, now),
                cancellationToken);

        await transaction.CommitAsync(cancellationToken);
        return names;
    }

    private static FormattableString OfOne(string name) =>
        $"""
         UPDATE tokens SET lease_owner = NULL, lease_until = NULL, queued_until = NULL
         WHERE lease_until < clock_timestamp() AND name = {name}
         RETURNING name
         """;

    // No index has the leases, since each refresh would pay for it. A lease that ran out matters where an attempt was left open under it, or where it keeps a token from being refreshed.
    private static FormattableString OfAll(DateTimeOffset now) =>
        $"""
         UPDATE tokens SET lease_owner = NULL, lease_until = NULL, queued_until = NULL
         WHERE lease_until < clock_timestamp() AND name IN (
             SELECT token_name FROM token_refresh_logs WHERE status = 'running'
             UNION ALL SELECT name FROM tokens WHERE last_error_code IS NOT NULL
             UNION ALL SELECT name FROM tokens WHERE access_token IS NULL
             UNION ALL SELECT name FROM tokens WHERE provider IN (SELECT name FROM providers) AND refresh_due_at <= {now})
         RETURNING name
         """;
}
