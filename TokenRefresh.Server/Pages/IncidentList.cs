using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>Incidents as the panel lists them.</summary>
/// <param name="Rows">The incidents.</param>
/// <param name="Well">Tokens that are well, whatever an incident that is still open for others says of them.</param>
public sealed record IncidentList(IReadOnlyList<Incident> Rows, IReadOnlySet<string> Well)
{
    /// <summary>The open ones.</summary>
    public static async Task<IncidentList> OpenAsync(IncidentDesk desk, TokenOverview overview, CancellationToken cancellationToken) =>
        Of(await desk.OpenAsync(cancellationToken), await overview.ListAsync(null, cancellationToken));

    /// <summary>Incidents, and how all tokens are now.</summary>
    public static IncidentList Of(IReadOnlyList<Incident> incidents, IEnumerable<TokenView> tokens) =>
        new(incidents, tokens.Where(token => token is { IsWell: true, IsFailing: false }).Select(token => token.Name).ToHashSet(StringComparer.Ordinal));

    /// <summary>Whom it is still about: all, once it is over for all.</summary>
    public IReadOnlyList<string> Affected(Incident incident) => [.. incident.Subjects.Except(OverFor(incident))];

    /// <summary>Those for which it is over before it is over for all. One that needs a person may well be valid still.</summary>
    public IReadOnlyList<string> OverFor(Incident incident) =>
        incident is { IsOpen: true, Kind: IncidentKind.Failed } && !incident.Subjects.All(Well.Contains) ? [.. incident.Subjects.Where(Well.Contains)] : [];
}
