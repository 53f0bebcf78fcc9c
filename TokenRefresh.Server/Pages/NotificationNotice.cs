using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Pages;

/// <summary>The strip on every page for those who are signed in while no one can be notified; nothing while someone can, or where that was chosen.</summary>
public sealed class NotificationNoticeViewComponent(CurrentDiagnosis diagnosis, NotificationReadinessReader readiness) : ViewComponent
{
    /// <summary>Looks, and renders the strip.</summary>
    public async Task<IViewComponentResult> InvokeAsync()
    {
        try
        {
            return View((await diagnosis.ReadAsync(HttpContext.RequestAborted)).Undelivered);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            // What the settings tell is known all the same; the page says itself what it lacks.
            return View(readiness.Configured.Reasons is [DiagnosisReason fault] ? fault : null);
        }
    }
}
