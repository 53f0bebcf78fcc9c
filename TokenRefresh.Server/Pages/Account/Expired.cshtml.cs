using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>Where a form arrives whose sender is signed in no more. Does nothing but keep what was typed, so it asks for no token against forgery.</summary>
[IgnoreAntiforgeryToken]
internal sealed class ExpiredModel : PageModel
{
    /// <summary>What was sent; null where it was no form of the panel.</summary>
    public SavedForm? Kept { get; private set; }

    public IActionResult OnGet() => LocalRedirect($"~{AccessRegistration.LoginPath}");

    public async Task<IActionResult> OnPostAsync([FromQuery] string? to, CancellationToken cancellationToken)
    {
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        Kept = Request.HasFormContentType && IsFromHere(Request) ? SavedForm.Of(to, await Request.ReadFormAsync(cancellationToken)) : null;
        return Page();
    }

    // Another site must not have its form offered here as what the person was about to send. Browsers say where a form comes from; older ones by its origin alone.
    private static bool IsFromHere(HttpRequest request) => request.Headers["Sec-Fetch-Site"].ToString() switch
    {
        { Length: > 0 } site => site == "same-origin",
        _ => request.Headers.Origin.ToString() is not { Length: > 0 } origin || origin == $"{request.Scheme}://{request.Host}",
    };
}
