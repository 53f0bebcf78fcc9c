using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>Ends a sign-in.</summary>
internal sealed class LogoutModel(SignInManager<Operator> signIn, AuditTrail audit) : PageModel
{
    public IActionResult OnGet() => LocalRedirect(AccessRegistration.LoginPath);

    public async Task<IActionResult> OnPostAsync()
    {
        if (User.Identity is { IsAuthenticated: true, Name: { } name })
        {
            await signIn.SignOutAsync();
            await audit.WriteAsync($"user:{name}", "user.signed_out", name, new { });
        }

        return LocalRedirect(AccessRegistration.LoginPath);
    }
}
