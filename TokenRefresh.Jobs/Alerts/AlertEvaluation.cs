using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>What an evaluation found.</summary>
/// <param name="Seen">The diagnosis that it judged by.</param>
/// <param name="Wrong">Everything that is wrong now, stalled parts included.</param>
/// <param name="Written">Notifications that it wrote into the outbox.</param>
public sealed record EvaluationResult(SystemDiagnosis Seen, IReadOnlyList<Finding> Wrong, int Written);

/// <summary>
/// Looks at the stored state, brings the incidents in step with it, and writes what people are to be told into the outbox, all in one
/// transaction. Anybody may start a round at any time: one runs at once, a repeated one changes nothing, and one lost to a crash is made up
/// for by the next.
/// </summary>
public sealed class AlertEvaluation(
    IDbContextFactory<TokenRefreshDbContext> contexts,
    DiagnosisBuilder diagnosis,
    TokenOverview overview,
    NotificationComposer composer,
    IOptions<ScheduleOptions> schedule,
    IOptions<HealthOptions> health,
    TimeProvider clock)
{
    /// <summary>Any constant will do that no other lock of this program has.</summary>
    private const long LockId = 7_245_001_183_640_024;

    /// <summary>That the database went back in time is an incident for this long: what else was lost with it, a person has to find out.</summary>
    private static readonly TimeSpan ToldFor = TimeSpan.FromHours(1);

    /// <summary>Of more failing tokens the incidents name so many.</summary>
    private const int MostFailing = 5000;

    private static readonly TimeSpan RateWindow = TimeSpan.FromDays(1);

    /// <summary>Evaluates once; null where another evaluation is running.</summary>
    /// <param name="status">The system status, as it was just read.</param>
    /// <param name="cancellationToken">Ends it; nothing is changed then.</param>
    public async Task<EvaluationResult?> RunAsync(SystemStatus status, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (!await db.Database.SqlQuery<bool>($"SELECT pg_try_advisory_xact_lock({LockId}) AS \"Value\"").SingleAsync(cancellationToken))
        {
            return null;
        }

        var flapping = clock.GetUtcNow() - AlertPolicy.FlapWindow;
        var known = await db.Incidents.Where(incident => incident.ResolvedAt == null || incident.ResolvedAt > flapping).OrderBy(incident => incident.Id).ToListAsync(cancellationToken);

        // Under the lock: one that was read before another evaluation ended would open again what that one has resolved.
        var seen = await diagnosis.BuildAsync(status, cancellationToken);
        var situation = await LookAsync(db, seen, status, known, cancellationToken);
        var (now, wrong) = (situation.Now, AlertPolicy.Findings(situation));
        var book = new IncidentReconciler(known, await RemovedSubjects.ReadAsync(db, known, cancellationToken));
        book.Enter(wrong, now);
        db.Incidents.AddRange(book.Opened);

        // A new incident gets its number before it is reported.
        var changes = await db.SaveChangesAsync(cancellationToken);
        var written = await composer.TellAsync(db, book, situation.Tokens, now, cancellationToken);
        changes += await db.SaveChangesAsync(cancellationToken);
        if (changes > 0)
        {
            await ChangeFeed.AnnounceAsync(db, ChangeFeed.Incidents, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return new(seen, wrong, written);
    }

    private async Task<AlertInput> LookAsync(TokenRefreshDbContext db, SystemDiagnosis seen, SystemStatus status, IEnumerable<Incident> known, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();

        // Of very many tokens the most urgent are listed: all that fail belong to an incident, and none is well again for being listed no more.
        var heard = known.Where(incident => incident.IsOfTokens).SelectMany(incident => incident.Subjects).ToHashSet(StringComparer.Ordinal);
        var burning = seen.Freshness.Tokens.Where(token => seen.Freshness.BurnRate(token) >= FreshnessReport.FastBurn).Select(token => token.Token);
        IReadOnlyList<TokenView> others = seen.IsWhole ? []
            : [.. await overview.PageAsync(new(MostFailing) { IsUnwell = true }, cancellationToken), .. await overview.FindAsync([.. heard.Concat(burning)], cancellationToken)];
        return new(
            now, [.. seen.Tokens.UnionBy(others, token => token.Name)], await RatesAsync(db, now, cancellationToken), status,
            new(schedule.Value.Retries + 1, health.Value.AlertOnConsecutiveFailures, health.Value.SuccessRateThreshold),
            known.Where(incident => incident is { IsOpen: true, Kind: IncidentKind.Failed }).SelectMany(incident => incident.Subjects).ToHashSet(StringComparer.Ordinal))
        {
            Freshness = seen.Freshness,
            Heard = heard,
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
           AND EXISTS (SELECT 1 FROM tokens WHERE tokens.provider = log.provider)
           AND started_at > coalesce((SELECT max(resolved_at) FROM incidents WHERE kind IN ('failed', 'needs_person') AND scope = log.provider), '-infinity')
         GROUP BY provider
         """).ToListAsync(cancellationToken);
}
