using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>Incidents as the panel lists them.</summary>
/// <param name="Rows">The incidents.</param>
/// <param name="Well">Tokens that are well, whatever an incident that is still open for others says of them.</param>
public sealed record IncidentList(IReadOnlyList<Incident> Rows, IReadOnlySet<string> Well)
{
    /// <summary>The open ones.</summary>
    public static async Task<IncidentList> OpenAsync(IncidentDesk desk, TokenOverview overview, CancellationToken cancellationToken)
    {
        var open = await desk.OpenAsync(cancellationToken);
        return open.Count == 0
            ? Ended(open)
            : new(open, (await overview.ListAsync(null, cancellationToken)).Where(token => token is { IsWell: true, IsFailing: false }).Select(token => token.Name).ToHashSet(StringComparer.Ordinal));
    }

    /// <summary>Ended ones, which say nothing of how their tokens are now.</summary>
    public static IncidentList Ended(IReadOnlyList<Incident> ended) => new(ended, new HashSet<string>());

    /// <summary>Those for which it is over already. One that needs a person may well be valid still.</summary>
    public IReadOnlyList<string> OverFor(Incident incident) => incident is { IsOpen: true, Kind: IncidentKind.Failed } ? [.. incident.Subjects.Where(Well.Contains)] : [];
}

/// <summary>What is wrong enough that people were told, and how their mails fared lately.</summary>
public sealed record IncidentBoard(IncidentList Open, IReadOnlyList<Notification> Deliveries);

/// <summary>The open incidents with what can be done to them, and the last deliveries; for the health page.</summary>
public sealed class OpenIncidentsViewComponent(IncidentDesk desk, TokenOverview overview) : ViewComponent
{
    private const int LastDeliveries = 5;

    /// <summary>Reads, and renders the two tables.</summary>
    public async Task<IViewComponentResult> InvokeAsync() =>
        View(new IncidentBoard(await IncidentList.OpenAsync(desk, overview, HttpContext.RequestAborted), await desk.DeliveriesAsync(LastDeliveries, HttpContext.RequestAborted)));
}
