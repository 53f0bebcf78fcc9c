using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>Makes the diagnosis of a system status that was just read, and shows it as metrics.</summary>
public sealed class DiagnosisBuilder(TokenOverview overview, RecurringJobPauses pauses, FreshnessReader freshness, IEnumerable<IDiagnosisSource> sources, StatusMetrics metrics, TimeProvider clock)
{
    /// <summary>How things stand now.</summary>
    /// <param name="status">The status, as it was just read.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <param name="only">Of whose tokens; null for all. What concerns all of them stays.</param>
    public async Task<SystemDiagnosis> BuildAsync(SystemStatus status, CancellationToken cancellationToken, TokenNameFilter? only = null)
    {
        var picture = await overview.ReadAsync(only, cancellationToken);
        var others = new List<DiagnosisReason>();
        foreach (var source in sources)
        {
            others.AddRange(await source.ReasonsAsync(cancellationToken));
        }

        var seen = SystemDiagnosis.Of(picture.Listed, status, others, (await pauses.ListAsync(cancellationToken)).Values, clock.GetUtcNow()) with
        {
            Counts = picture.Counts,
            Freshness = await freshness.ReadAsync(cancellationToken),
        };
        return only is null ? Show(seen) : seen with { Freshness = seen.Freshness.Of(token => only.Patterns?.Fits(token.Token) != false && (only.Providers is null || seen.Find(token.Token) is not null)) };
    }

    /// <summary>How things stand while the database is away.</summary>
    public SystemDiagnosis WithoutDatabase() => Show(SystemDiagnosis.WithoutDatabase(clock.GetUtcNow()));

    private static TokenStatusGauge Gauge(TokenView token, FreshnessReport freshness, TokenFreshness own) =>
        new(token.Name, token.Settings.Provider.Name, token.State.Code(), freshness.Availability(own) / 100, freshness.Left(own).TotalSeconds, freshness.BurnRate(own));

    private SystemDiagnosis Show(SystemDiagnosis seen)
    {
        metrics.Show(seen.Overall.Code(), [.. seen.Tokens.Select(token => Gauge(token, seen.Freshness, seen.Freshness.Of(token.Name)))]);
        return seen;
    }
}

/// <summary>Reads the diagnosis: once a request, or once a look.</summary>
public sealed class DiagnosisReader(SystemStatusReader status, DiagnosisBuilder builder)
{
    /// <summary>How things stand now.</summary>
    /// <param name="only">Of whose tokens; null for all.</param>
    public async Task<SystemDiagnosis> ReadAsync(CancellationToken cancellationToken, TokenNameFilter? only = null) => await builder.BuildAsync(await status.ReadAsync(cancellationToken), cancellationToken, only);

    /// <summary>The same for those who want an answer while the database is away, too: then it is an outage.</summary>
    public async Task<SystemDiagnosis> ReadOrOutageAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ReadAsync(cancellationToken);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return builder.WithoutDatabase();
        }
    }
}
