using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What the navigation shows.</summary>
/// <param name="Preferences">How the person reads the panel.</param>
/// <param name="OpenIncidents">How many incidents are open; null while the database is unreachable.</param>
/// <param name="Here">The page that is shown.</param>
internal sealed record NavigationView(PanelPreferences Preferences, int? OpenIncidents, string Here, string Back);

/// <summary>The links of the panel, the search, and the user's menu.</summary>
public sealed class NavigationViewComponent(IncidentService incidents, PanelPreferences preferences) : ViewComponent
{
    /// <summary>Counts, and renders the links.</summary>
    public async Task<IViewComponentResult> InvokeAsync()
    {
        var here = PanelFrame.Links.Select(link => link.Path).Where(path => path == PanelPaths.Overview ? Request.Path == path : Request.Path.StartsWithSegments(path, StringComparison.Ordinal)).FirstOrDefault()
            ?? (new[] { PanelPaths.Users, PanelPaths.Audit }.Any(path => Request.Path.StartsWithSegments(path, StringComparison.Ordinal)) ? PanelPaths.Settings : "");
        return View(new NavigationView(preferences, await OpenAsync(), here, $"{Request.Path}{Request.QueryString}"));
    }

    private async Task<int?> OpenAsync()
    {
        try
        {
            return await incidents.CountOpenAsync(HttpContext.RequestAborted);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return null;
        }
    }
}
