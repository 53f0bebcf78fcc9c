using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What the pages of the panel share: who is there, and how an action's outcome is told on the page after it.</summary>
internal abstract class PanelPage : PageModel
{
    /// <summary>As the log and the audit name the person.</summary>
    protected string Actor => $"user:{User.Identity!.Name}";

    public bool May(Role role) => User.IsInRole(role.ToString());

    /// <summary>Tells the outcome on the page that the browser goes to next, so that a reload repeats nothing.</summary>
    protected LocalRedirectResult Tell(Said said, string? to = null)
    {
        TempData["Said"] = said.Text;
        TempData["SaidWell"] = said.IsWell;
        return LocalRedirect(to is not null && Url.IsLocalUrl(to) ? to : $"{Request.Path}{Request.QueryString}");
    }
}
