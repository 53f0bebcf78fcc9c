using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>
/// What open incidents are about and is not there any more: tokens that were removed, or that no settings declare now, and providers without any token. By what
/// the database holds, not by what this node knows: it may be behind.
/// </summary>
internal sealed record RemovedSubjects(IReadOnlySet<string> Tokens, IReadOnlySet<string> Providers)
{
    /// <summary>Those of an incident.</summary>
    public List<string> Of(Incident incident) => [.. incident.Subjects.Where(subject => incident.Kind switch
    {
        IncidentKind.SuccessRate => Providers.Contains(subject),
        _ when IsOfTokens(incident) => Tokens.Contains(subject),
        _ => false,
    })];

    /// <summary>Reads them.</summary>
    public static async Task<RemovedSubjects> ReadAsync(TokenRefreshDbContext db, IEnumerable<Incident> known, CancellationToken cancellationToken)
    {
        var open = known.Where(incident => incident.IsOpen).ToList();
        var tokens = open.Where(IsOfTokens).SelectMany(incident => incident.Subjects).ToHashSet(StringComparer.Ordinal);
        var providers = open.Where(incident => incident.Kind == IncidentKind.SuccessRate).SelectMany(incident => incident.Subjects).ToHashSet(StringComparer.Ordinal);
        if (tokens.Count > 0)
        {
            tokens.ExceptWith(await db.Tokens.Where(token => tokens.Contains(token.Name) && (token.IsActive || token.PausedAt != null)).Select(token => token.Name).ToListAsync(cancellationToken));
        }

        if (providers.Count > 0)
        {
            providers.ExceptWith(await db.Tokens.Where(token => providers.Contains(token.Provider)).Select(token => token.Provider).Distinct().ToListAsync(cancellationToken));
        }

        return new(tokens, providers);
    }

    private static bool IsOfTokens(Incident incident) => incident.IsOfTokens || incident.Kind == IncidentKind.Objective;
}
