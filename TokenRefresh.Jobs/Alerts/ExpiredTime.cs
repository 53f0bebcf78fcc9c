using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>The figure that matters: the time in which a program could not get a valid token, read off the log's old expiries.</summary>
internal static class ExpiredTime
{
    /// <summary>The longest gap between a token's expiry and its successor, among the successes since an instant.</summary>
    public static async Task<TimeSpan> LongestAsync(TokenRefreshDbContext db, IReadOnlyCollection<string> tokens, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[] names = [.. tokens];
        return TimeSpan.FromSeconds(await db.Database.SqlQuery<double>(
            $"""
             SELECT coalesce(max(extract(epoch FROM completed_at - old_expires_at)), 0)::float8 AS "Value"
             FROM token_refresh_logs
             WHERE token_name = ANY({names}) AND status = 'success' AND completed_at >= {since} AND completed_at > old_expires_at
             """).SingleAsync(cancellationToken));
    }

    /// <summary>All gaps that lie within a window, added up: those that ended in it, and those that last.</summary>
    public static async Task<TimeSpan> TotalAsync(TokenRefreshDbContext db, DateTimeOffset since, DateTimeOffset now, CancellationToken cancellationToken) =>
        TimeSpan.FromSeconds(await db.Database.SqlQuery<double>(
            $"""
             SELECT coalesce(sum(extract(epoch FROM ended - greatest(began, {since}))), 0)::float8 AS "Value"
             FROM (SELECT old_expires_at AS began, completed_at AS ended
                   FROM token_refresh_logs WHERE status = 'success' AND completed_at >= {since} AND completed_at <= {now}
                   UNION ALL
                   SELECT expires_at, {now} FROM tokens WHERE is_active AND access_token IS NOT NULL AND expires_at < {now}) AS gaps
             WHERE ended > began
             """).SingleAsync(cancellationToken));
}
