using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>What the navigation shows: the overall status, tokens that need attention, and attempts that failed within a day.</summary>
public sealed record Badges(OverallStatus Overall, int UnwellTokens, int FailedAttempts)
{
    /// <summary>Larger numbers are shown as this one with a plus.</summary>
    public const int MostAttempts = 1000;
}

/// <summary>The links of the panel with their counts.</summary>
public sealed class NavigationViewComponent(CurrentDiagnosis diagnosis, AttemptLog log, TimeProvider clock) : ViewComponent
{
    /// <summary>Counts, and renders the links.</summary>
    public async Task<IViewComponentResult> InvokeAsync()
    {
        var seen = await diagnosis.ReadAsync(HttpContext.RequestAborted);
        return View(new Badges(seen.Overall, seen.Unwell.Count(), await log.FailuresAsync(clock.GetUtcNow().AddDays(-1), Badges.MostAttempts, HttpContext.RequestAborted)));
    }
}
