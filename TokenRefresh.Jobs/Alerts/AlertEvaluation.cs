using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>What a round found.</summary>
/// <param name="Wrong">Everything that is wrong now, silences included.</param>
/// <param name="Written">Notifications that it wrote into the outbox.</param>
public sealed record EvaluationResult(IReadOnlyList<Finding> Wrong, int Written);

/// <summary>
/// Looks at the stored state, brings the incidents in step with it, and writes what people are to be told into the outbox, all in one
/// transaction. Anybody may start a round at any time: one runs at once, a repeated one changes nothing, and one lost to a crash is made up
/// for by the next.
/// </summary>
public sealed class AlertEvaluation(
    IDbContextFactory<TokenRefreshDbContext> contexts,
    TokenOverview overview,
    NotificationComposer teller,
    IOptions<ScheduleOptions> schedule,
    IOptions<HealthOptions> health,
    TimeProvider clock)
{
    /// <summary>Any constant will do that no other lock of this program has.</summary>
    private const long LockId = 7_245_001_183_640_024;

    /// <summary>That the database went back in time is an incident for this long: what else was lost with it, a person has to find out.</summary>
    private static readonly TimeSpan ToldFor = TimeSpan.FromHours(1);

    private static readonly TimeSpan RateWindow = TimeSpan.FromDays(1);

    /// <summary>Runs a round; null where another one is at it.</summary>
    public async Task<EvaluationResult?> RunAsync(SystemStatus pulse, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (!await db.Database.SqlQuery<bool>($"SELECT pg_try_advisory_xact_lock({LockId}) AS \"Value\"").SingleAsync(cancellationToken))
        {
            return null;
        }

        var flapping = clock.GetUtcNow() - AlertPolicy.FlapWindow;
        var known = await db.Incidents.Where(incident => incident.ResolvedAt == null || incident.ResolvedAt > flapping).OrderBy(incident => incident.Id).ToListAsync(cancellationToken);
        var situation = await LookAsync(db, pulse, known, cancellationToken);
        var (now, wrong) = (situation.Now, AlertPolicy.Findings(situation));
        var book = new IncidentReconciler(known);
        book.Enter(wrong, now);
        db.Incidents.AddRange(book.Opened);

        // A new incident gets its number before it is reported.
        await db.SaveChangesAsync(cancellationToken);
        var written = await teller.TellAsync(db, book, situation.Tokens, now, cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new(wrong, written);
    }

    private async Task<AlertInput> LookAsync(TokenRefreshDbContext db, SystemStatus pulse, IEnumerable<Incident> known, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return new(
            now, await overview.ListAsync(null, cancellationToken), await RatesAsync(db, now, cancellationToken), pulse,
            new(schedule.Value.Retries + 1, health.Value.AlertOnConsecutiveFailures, health.Value.SuccessRateThreshold),
            known.Where(incident => incident is { IsOpen: true, Kind: IncidentKind.Failed }).SelectMany(incident => incident.Subjects).ToHashSet(StringComparer.Ordinal))
        {
            Clocks = await ClocksAsync(db, now, cancellationToken),
            Restored = await db.Audit.Where(entry => entry.Action == RestoredTokens.Action && entry.At >= now - ToldFor)
                .Select(entry => entry.Subject).Distinct().Order().ToListAsync(cancellationToken),
        };
    }

    // What each machine saw last of each provider, so that every node finds the same, and a clock that was set right ends its incident with the next token.
    private static Task<List<MachineClock>> ClocksAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken) => db.Database.SqlQuery<MachineClock>(
        $"""
         SELECT machine, provider, ahead_seconds
         FROM (
             SELECT DISTINCT ON (split_part(node, ':', 1), provider)
                 split_part(node, ':', 1) AS machine, provider, coalesce((metadata ->> 'clock_ahead_seconds')::float8, 0) AS ahead_seconds
             FROM token_refresh_logs
             WHERE status = 'success' AND started_at >= {now - RateWindow} AND metadata -> 'steps' IS NOT NULL
             ORDER BY split_part(node, ':', 1), provider, id DESC) AS newest
         WHERE abs(ahead_seconds) > {ClockDifferences.ToleratedOfProvider.TotalSeconds}
         """).ToListAsync(cancellationToken);

    // Failures that an incident has explained already are no second reason to be told.
    private static Task<List<ProviderRate>> RatesAsync(TokenRefreshDbContext db, DateTimeOffset now, CancellationToken cancellationToken) => db.Database.SqlQuery<ProviderRate>(
        $"""
         SELECT provider, count(*) FILTER (WHERE status = 'success') AS successes, count(*) FILTER (WHERE status = 'failed') AS failures
         FROM token_refresh_logs AS log
         WHERE started_at >= {now - RateWindow} AND status IN ('success', 'failed')
           AND NOT EXISTS (SELECT 1 FROM incidents WHERE kind IN ('failed', 'needs_person') AND scope = log.provider AND resolved_at IS NULL)
           AND started_at > coalesce((SELECT max(resolved_at) FROM incidents WHERE kind IN ('failed', 'needs_person') AND scope = log.provider), '-infinity')
         GROUP BY provider
         """).ToListAsync(cancellationToken);
}
