using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace TokenRefresh.Server.Pages;

/// <summary>The strip on every page but the overview, which says it at length: what is wrong, who is hit, until when, one button. Nothing while all is well.</summary>
public sealed class StripViewComponent : ViewComponent
{
    /// <summary>Looks, and renders the strip.</summary>
    public async Task<IViewComponentResult> InvokeAsync()
    {
        var situation = await HttpContext.RequestServices.GetRequiredService<CurrentSituation>().ReadAsync(HttpContext.RequestAborted);
        return View((situation, situation.IsTrouble && Request.Path != PanelPaths.Overview));
    }
}
