using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>What the navigation counts: tokens that are not well, and attempts that failed within a day.</summary>
public sealed record Badges(int FailingTokens, int FailedAttempts);

/// <summary>The links of the panel with their counts.</summary>
public sealed class NavigationViewComponent(TokenOverview overview, IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock) : ViewComponent
{
    /// <summary>Counts, and renders the links.</summary>
    public async Task<IViewComponentResult> InvokeAsync()
    {
        var failing = (await overview.ListAsync(null, HttpContext.RequestAborted)).Count(view => !view.State.IsWell());
        await using var db = await contexts.CreateDbContextAsync(HttpContext.RequestAborted);
        var since = clock.GetUtcNow().AddDays(-1);
        return View(new Badges(failing, await db.Attempts.CountAsync(row => row.Status == AttemptStatus.Failed && row.StartedAt >= since, HttpContext.RequestAborted)));
    }
}
