using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>What the sign-in form is drawn from.</summary>
internal sealed record SignInForm(string? Name, string? ReturnUrl, SavedForm? Kept);

/// <summary>The sign-in form.</summary>
internal sealed class LoginModel(SignInManager<PanelUser> signIn, UserManager<PanelUser> users, AuditTrail audit, TimeProvider clock) : PageModel
{
    private const int LongestName = 64;

    /// <summary>Longer than a password takes to be checked and a failure to be counted, even on a busy machine.</summary>
    internal static readonly TimeSpan RefusedAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>What was typed, kept for the next try.</summary>
    [BindProperty]
    public string? Name { get; set; }

    /// <summary>Never shown again.</summary>
    [BindProperty]
    public string? Password { get; set; }

    /// <summary>Where the person was on the way to.</summary>
    [BindProperty(SupportsGet = true)]
    public string? ReturnUrl { get; set; }

    /// <summary>A form that came after the last sign-in had ended.</summary>
    [BindProperty]
    public string? Kept { get; set; }

    /// <summary>That form, to be sent again by the person who is signed in now.</summary>
    public SavedForm? Again { get; private set; }

    /// <summary>Why there is no sign-in yet.</summary>
    public string? Problem { get; private set; }

    public IActionResult OnGet() => User.Identity?.IsAuthenticated == true ? Onward() : Page();

    public async Task<IActionResult> OnPostAsync()
    {
        if (Name is not { Length: > 0 and <= LongestName } || Password is not { Length: > 0 and <= PanelUsers.MostPassword } || Name.Any(char.IsControl))
        {
            Problem = "Enter user name and password.";
            return Page();
        }

        var since = clock.GetTimestamp();
        var person = await users.FindByNameAsync(Name);
        if (person is null or { IsOfCompany: true })
        {
            // Without a password there is nothing to guess, so nothing is counted towards a lock.
            return await RefuseAsync(since);
        }

        var result = await signIn.PasswordSignInAsync(person, Password, isPersistent: false, lockoutOnFailure: true);
        if (result.Succeeded)
        {
            person.LastSignInAt = clock.GetUtcNow();
            await users.UpdateAsync(person);
            await audit.WriteAsync($"user:{person.UserName}", "user.signed_in", person.UserName!, new { });
            return SavedForm.Parse(Kept) is { } kept ? await OfferAgainAsync(person, kept) : Onward();
        }

        if (result.IsLockedOut)
        {
            await audit.WriteAsync($"user:{person.UserName}", "user.locked_out", person.UserName!, new { until = person.LockoutEnd });
        }

        return await RefuseAsync(since);
    }

    // The form's new token against forgery is for the person who is signed in now.
    private async Task<PageResult> OfferAgainAsync(PanelUser person, SavedForm kept)
    {
        HttpContext.User = await signIn.CreateUserPrincipalAsync(person);
        Again = kept;
        return Page();
    }

    // The same words after the same time for every reason: they tell neither who exists nor who is locked out.
    private async Task<PageResult> RefuseAsync(long since)
    {
        await clock.UntilElapsedAsync(since, RefusedAfter);
        Problem = "Incorrect username or password. After too many attempts, wait 15 minutes.";
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Page();
    }

    private LocalRedirectResult Onward() => LocalRedirect($"~{Onward(Url, ReturnUrl)}");

    /// <summary>Where a person goes after the sign-in: on the way that they were on, if it leads to an address of this server.</summary>
    internal static string Onward(IUrlHelper url, string? returnUrl) =>
        returnUrl is ['/', ..] && url.IsLocalUrl(returnUrl) ? UriHelper.Encode(new Uri(returnUrl, UriKind.Relative)) : PanelPaths.Overview;
}
