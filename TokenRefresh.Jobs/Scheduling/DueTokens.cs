using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Asks the database which tokens a job is to be made for.</summary>
public sealed class DueTokens(
    IDbContextFactory<TokenRefreshDbContext> contexts, ITokenProviders providers, SecretProtection secrets, DatabaseContact contact, IOptions<BackupOptions> backup, TimeProvider clock)
{
    /// <summary>A claimed token whose job has not begun by then is enqueued again.</summary>
    private static readonly TimeSpan ClaimFor = TimeSpan.FromMinutes(2);

    /// <summary>The most tokens that are claimed at once; whoever gets as many asks again.</summary>
    public const int MostClaimed = 10_000;

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
              UPDATE tokens SET queued_until = {5}
              WHERE name IN (
                  SELECT name FROM tokens
                  WHERE {{RefreshEligibility.IsDueSql}}
                    AND lease_owner IS NULL
                    AND (queued_until IS NULL OR queued_until <= {2})
                  ORDER BY expires_at NULLS FIRST, name LIMIT {6}
                  FOR UPDATE SKIP LOCKED)
              RETURNING name, expires_at
              """, [.. RefreshEligibility.SqlParameters([.. Callable().Select(provider => (provider.Name, secrets.Fingerprint(provider.SettingsDigest)))], now), now + ClaimFor, MostClaimed]).ToListAsync(cancellationToken);
        return [.. claimed.OrderBy(token => token.ExpiresAt ?? DateTimeOffset.MinValue).ThenBy(token => token.Name, StringComparer.Ordinal).Select(token => token.Name)];
    }

    // As Token.Resume, in one statement: a gap while it lasted was the pause's until its end.
    private static Task<int> EndPausesAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"""
         WITH over AS (SELECT name, paused_until AS until, CASE WHEN access_token IS NULL THEN NULL ELSE greatest(expires_at, last_success_at, gap_from) END AS began
                       FROM tokens WHERE paused_at IS NOT NULL AND paused_until <= {now} FOR UPDATE),
              kept AS (INSERT INTO unavailable_intervals (token_name, "from", "to", cause)
                       SELECT name, began, until, {UnavailableInterval.Paused} FROM over WHERE began < until ON CONFLICT DO NOTHING)
         UPDATE tokens SET paused_at = NULL, paused_until = NULL, pause_reason = NULL, is_active = origin <> 'undeclared',
                           gap_from = CASE WHEN over.began < over.until THEN over.until ELSE gap_from END
         FROM over WHERE tokens.name = over.name
         """, cancellationToken);

    /// <summary>The tokens that the backup job acquires.</summary>
    public async Task<IReadOnlyList<string>> ForBackupAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        string[] callable = [.. Callable().Select(provider => provider.Name)];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await TokenFinder.Known(db)
            .Where(token => token.PausedAt == null && callable.Contains(token.Provider)
                && (!backup.Value.OnlyOnFailure || token.ConsecutiveFailures > 0 || token.LastLookedAt == null || token.LastLookedAt < now - Unwatched))
            .OrderBy(token => token.ExpiresAt).ThenBy(token => token.Name).Select(token => token.Name).ToListAsync(cancellationToken);
    }

    private IEnumerable<ITokenProvider> Callable() => providers.All.Where(provider => provider.IsCallable);

    // A fifth of a second apart, most urgent first: a provider that is back is not greeted by all at once. What was imported or saved late is no answer of now.
    private static Task<int> WakeAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"""
         WITH failed AS MATERIALIZED (
                  SELECT name, provider, expires_at, last_attempt_at FROM tokens
                  WHERE last_error_code IS NOT NULL AND last_error_code = 'provider_down' AND next_attempt_at > {now} AND retry_job_id IS NULL),
              answered AS MATERIALIZED (
                  SELECT provider, max(least(last_success_at, last_attempt_at)) AS at FROM tokens
                  WHERE provider IN (SELECT provider FROM failed) AND last_success_at > (SELECT min(last_attempt_at) FROM failed) AND last_attempt_at IS NOT NULL AND last_error_code IS NULL
                  GROUP BY provider),
              waiting AS (
                  SELECT failed.name, row_number() OVER (PARTITION BY failed.provider ORDER BY failed.expires_at NULLS FIRST, failed.name) - 1 AS place
                  FROM failed JOIN answered ON answered.provider = failed.provider AND answered.at > failed.last_attempt_at)
         UPDATE tokens SET next_attempt_at = {now} + waiting.place * interval '200 milliseconds'
         FROM waiting
         WHERE tokens.name = waiting.name AND tokens.next_attempt_at > {now} + waiting.place * interval '200 milliseconds'
         """, cancellationToken);

    private sealed record ClaimedToken(string Name, DateTimeOffset? ExpiresAt);
}
