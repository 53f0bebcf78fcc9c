using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>Incidents as the panel lists them.</summary>
/// <param name="Rows">The incidents.</param>
/// <param name="Notices">Who was notified of each, by its number.</param>
/// <param name="Well">Tokens that are well, whatever an incident that is still open for others says of them.</param>
public sealed record IncidentList(IReadOnlyList<Incident> Rows, IReadOnlyDictionary<long, IncidentNotice> Notices, IReadOnlySet<string> Well)
{
    /// <summary>The open ones.</summary>
    public static async Task<IncidentList> OpenAsync(IncidentService desk, CurrentDiagnosis diagnosis, CancellationToken cancellationToken) =>
        await OfAsync(await desk.OpenAsync(cancellationToken), diagnosis, desk, cancellationToken);

    /// <summary>Incidents, and how their tokens are now.</summary>
    public static async Task<IncidentList> OfAsync(IReadOnlyList<Incident> incidents, CurrentDiagnosis diagnosis, IncidentService desk, CancellationToken cancellationToken) => new(
        incidents, await desk.NoticesAsync(incidents, cancellationToken),
        (await diagnosis.FindAsync([.. incidents.Where(incident => incident.IsOpen).SelectMany(incident => incident.Subjects)], cancellationToken)).Where(token => token.IsWell).Select(token => token.Name).ToHashSet(StringComparer.Ordinal));

    /// <summary>Who was notified of it.</summary>
    public IncidentNotice Notice(Incident incident) => Notices.GetValueOrDefault(incident.Id, IncidentNotice.None);

    /// <summary>Whom it is still about: all, once it is over for all.</summary>
    public IReadOnlyList<string> Affected(Incident incident) => [.. incident.Subjects.Except(OverFor(incident))];

    /// <summary>Those for which it is over before it is over for all. One that needs a person may well be valid still.</summary>
    public IReadOnlyList<string> OverFor(Incident incident) =>
        incident is { IsOpen: true, Kind: IncidentKind.Failed } && !incident.Subjects.All(Well.Contains) ? [.. incident.Subjects.Where(Well.Contains)] : [];
}
