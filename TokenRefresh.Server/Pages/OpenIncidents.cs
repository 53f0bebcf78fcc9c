using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Alerts;

namespace TokenRefresh.Server.Pages;

/// <summary>What is wrong enough that people were told, and how their mails fared lately.</summary>
public sealed record IncidentBoard(IncidentList Open, IReadOnlyList<Notification> Deliveries);

/// <summary>The open incidents with what can be done to them, and the last deliveries; for the health page.</summary>
public sealed class OpenIncidentsViewComponent(IncidentService desk, CurrentDiagnosis diagnosis) : ViewComponent
{
    private const int LastDeliveries = 5;

    /// <summary>Reads, and renders the two tables.</summary>
    public async Task<IViewComponentResult> InvokeAsync() =>
        View(new IncidentBoard(await IncidentList.OpenAsync(desk, diagnosis, HttpContext.RequestAborted), await desk.DeliveriesAsync(LastDeliveries, HttpContext.RequestAborted)));
}
