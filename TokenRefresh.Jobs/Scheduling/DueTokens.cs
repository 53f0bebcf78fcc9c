using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Asks the database which tokens a job is to be made for.</summary>
public sealed class DueTokens(
    IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, SecretProtection secrets, DatabaseContact contact, IOptions<BackupOptions> backup, TimeProvider clock)
{
    /// <summary>A claimed token whose job has not begun by then is enqueued again.</summary>
    private static readonly TimeSpan ClaimFor = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Unwatched = TimeSpan.FromHours(12);

    /// <summary>
    /// Claims the tokens whose time has come, most urgent first, so that no second check enqueues them meanwhile. Before that it
    /// closes attempts of ended processes, ends expired pauses, releases tokens whose settings changed since they failed permanently,
    /// and wakes, spread out, those that wait for a provider that has answered again.
    /// </summary>
    public async Task<IReadOnlyList<string>> ClaimAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await AbandonedAttempts.ReclaimAsync(db, contact, now, only: null, cancellationToken);
        await EndPausesAsync(db, now, cancellationToken);
        await WakeAsync(db, now, cancellationToken);

        // Who may be refreshed says the one rule; that no job or node is at it already is said here.
        var claimed = await db.Database.SqlQueryRaw<ClaimedToken>(
            $$"""
              UPDATE tokens SET queued_until = {6}
              WHERE {{RefreshEligibility.IsDueSql}}
                AND lease_owner IS NULL
                AND (queued_until IS NULL OR queued_until <= {3})
              RETURNING name, expires_at
              """, [.. RefreshEligibility.SqlParameters([.. Callable().Select(token => (token, secrets.Fingerprint(token.Settings)))], now), now + ClaimFor]).ToListAsync(cancellationToken);
        return [.. claimed.OrderBy(token => token.ExpiresAt ?? DateTimeOffset.MinValue).ThenBy(token => token.Name, StringComparer.Ordinal).Select(token => token.Name)];
    }

    // As Token.Resume, in one statement: a gap while it lasted was the pause's until its end.
    private Task<int> EndPausesAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"""
         WITH over AS (SELECT name, paused_until AS until, CASE WHEN access_token IS NULL THEN NULL ELSE greatest(expires_at, last_success_at, gap_from) END AS began
                       FROM tokens WHERE paused_until <= {now} FOR UPDATE),
              kept AS (INSERT INTO unavailable_intervals (token_name, "from", "to", cause)
                       SELECT name, began, until, {UnavailableInterval.Paused} FROM over WHERE began < until ON CONFLICT DO NOTHING)
         UPDATE tokens SET paused_at = NULL, paused_until = NULL, pause_reason = NULL, is_active = tokens.name = ANY({Configured()}),
                           gap_from = CASE WHEN over.began < over.until THEN over.until ELSE gap_from END
         FROM over WHERE tokens.name = over.name
         """, cancellationToken);

    /// <summary>The tokens that the backup job acquires.</summary>
    public async Task<IReadOnlyList<string>> ForBackupAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        string[] names = [.. Callable().Select(token => token.Name)];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Tokens
            .Where(token => token.PausedAt == null && names.Contains(token.Name)
                && (!backup.Value.OnlyOnFailure || token.ConsecutiveFailures > 0 || token.LastLookedAt == null || token.LastLookedAt < now - Unwatched))
            .OrderBy(token => token.ExpiresAt).ThenBy(token => token.Name).Select(token => token.Name).ToListAsync(cancellationToken);
    }

    private IEnumerable<ConfiguredToken> Callable() => configured.All.Where(token => token.NotConfiguredBecause is null);

    private string[] Configured() => [.. configured.All.Select(token => token.Name)];

    // A fifth of a second apart, most urgent first: a provider that is back is not greeted by all at once. What was imported or saved late is no answer of now.
    private static Task<int> WakeAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"""
         UPDATE tokens SET next_attempt_at = {now} + waiting.place * interval '200 milliseconds'
         FROM (SELECT name, row_number() OVER (PARTITION BY provider ORDER BY expires_at NULLS FIRST, name) - 1 AS place
               FROM tokens AS failed
               WHERE last_error_code = 'provider_down' AND next_attempt_at > {now} AND retry_job_id IS NULL
                 AND EXISTS (SELECT 1 FROM tokens AS other WHERE other.provider = failed.provider AND other.last_success_at > failed.last_attempt_at
                             AND other.last_attempt_at > failed.last_attempt_at AND other.last_error_code IS NULL)
              ) AS waiting
         WHERE tokens.name = waiting.name AND tokens.next_attempt_at > {now} + waiting.place * interval '200 milliseconds'
         """, cancellationToken);

    private sealed record ClaimedToken(string Name, DateTimeOffset? ExpiresAt);
}
