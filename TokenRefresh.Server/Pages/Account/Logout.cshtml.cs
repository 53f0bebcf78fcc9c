using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>Ends a sign-in.</summary>
[IgnoreAntiforgeryToken]
internal sealed class LogoutModel(SignInManager<PanelUser> signIn, AuditTrail audit, IAntiforgery antiforgery) : PageModel
{
    public IActionResult OnGet() => LocalRedirect($"~{AccessRegistration.LoginPath}");

    public async Task<IActionResult> OnPostAsync()
    {
        if (User.Identity is { IsAuthenticated: true, Name: { } name })
        {
            // Only here: whose sign-in has ended meanwhile has nothing left to forge, and is told so by the sign-in.
            if (!await antiforgery.IsRequestValidAsync(HttpContext))
            {
                return BadRequest();
            }

            await signIn.SignOutAsync();
            await audit.WriteAsync($"user:{name}", "user.signed_out", name, new { });
        }

        return LocalRedirect($"~{AccessRegistration.LoginPath}");
    }
}
