using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>Where a form arrives whose sender is signed in no more. Does nothing but keep what was typed, so it asks for no token against forgery.</summary>
[IgnoreAntiforgeryToken]
internal sealed class ExpiredModel : PageModel
{
    /// <summary>What was sent; null where it was no form of the panel.</summary>
    public KeptForm? Kept { get; private set; }

    public IActionResult OnGet() => LocalRedirect("/account/login");

    public async Task<IActionResult> OnPostAsync([FromQuery] string? to, CancellationToken cancellationToken)
    {
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        Kept = Request.HasFormContentType ? KeptForm.Of(to, await Request.ReadFormAsync(cancellationToken)) : null;
        return Page();
    }
}
