using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>What the navigation counts: tokens that are not well, and attempts that failed within a day.</summary>
public sealed record Badges(int FailingTokens, int FailedAttempts)
{
    /// <summary>Larger numbers are shown as this one with a plus.</summary>
    public const int MostAttempts = 1000;
}

/// <summary>The links of the panel with their counts.</summary>
public sealed class NavigationViewComponent(TokenOverview overview, AttemptLog log, TimeProvider clock) : ViewComponent
{
    /// <summary>Counts, and renders the links.</summary>
    public async Task<IViewComponentResult> InvokeAsync()
    {
        var failing = (await overview.ListAsync(null, HttpContext.RequestAborted)).Count(view => !view.IsWell);
        return View(new Badges(failing, await log.FailuresAsync(clock.GetUtcNow().AddDays(-1), Badges.MostAttempts, HttpContext.RequestAborted)));
    }
}
