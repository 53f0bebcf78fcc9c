using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Access.Oidc;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>
/// Sends people to the identity provider, and says why one comes back without a session. It is a link, not a form: the policy of the pages lets no form lead to
/// another site, not even by a redirect.
/// </summary>
internal sealed partial class OidcModel(IOptions<OidcOptions> options, ILogger<OidcModel> log) : PageModel
{
    /// <summary>What happened, in a few words.</summary>
    public string Heading { get; private set; } = "";

    /// <summary>What it means and what to do.</summary>
    public string Advice { get; private set; } = "";

    public async Task<IActionResult> OnGetAsync([FromQuery] string? returnUrl)
    {
        if (HttpContext.Features.Get<OidcProblem>() is { } problem)
        {
            return Tell(problem);
        }

        var onward = LoginModel.Onward(Url, returnUrl);
        if (User.Identity?.IsAuthenticated == true)
        {
            return LocalRedirect($"~{onward}");
        }

        // A link of another site must not sign anyone in unseen: it leads to the sign-in page, where the person decides.
        if (Request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site")
        {
            return LocalRedirect($"~{AccessRegistration.LoginPath}{QueryString.Create("ReturnUrl", onward)}");
        }

        try
        {
            await HttpContext.ChallengeAsync(OidcRegistration.Scheme, new() { RedirectUri = Url.Content($"~{onward}") });
            return new EmptyResult();
        }
        catch (Exception error) when (error is InvalidOperationException or HttpRequestException or IOException or OpenIdConnectProtocolException || (error is OperationCanceledException && !HttpContext.RequestAborted.IsCancellationRequested))
        {
            // What could not be read of it, whatever the reason, is a provider that is not there.
            var kind = OidcProblem.KindOf(error) == OidcProblemKind.Misconfigured ? OidcProblemKind.Misconfigured : OidcProblemKind.Unreachable;
            LogNotStarted(options.Value.Authority, kind, OidcEvents.InWords(error));
            return Tell(new(kind));
        }
    }

    private PageResult Tell(OidcProblem problem)
    {
        (Response.StatusCode, Heading, Advice) = problem.Kind switch
        {
            OidcProblemKind.NoRole => (StatusCodes.Status403Forbidden, "No role for you",
                $"Your company account works, but gives you no role here: no value of its claim \"{options.Value.RoleClaim}\" is listed in Access__Oidc__Roles. Ask for a group or role that is listed there, or ask an administrator of this server to add yours."),
            OidcProblemKind.Disabled => (StatusCodes.Status403Forbidden, "Account disabled", $"The user \"{problem.Name}\" is disabled. An administrator can enable it."),
            OidcProblemKind.NameTaken => (StatusCodes.Status403Forbidden, "User name taken",
                $"Another account here has your user name, \"{problem.Name}\". Accounts are never merged or taken over. If that account is yours, an administrator can remove it; then sign in again."),
            OidcProblemKind.Denied => (StatusCodes.Status403Forbidden, "Sign-in cancelled", "You cancelled the sign-in, or the identity provider does not let you use this server. Nothing was changed."),
            OidcProblemKind.Unreachable => (StatusCodes.Status503ServiceUnavailable, "The identity provider is unreachable", "It did not answer. Try again in a moment, or sign in with a password if you have one. The server's log has the details."),
            OidcProblemKind.Misconfigured => (StatusCodes.Status502BadGateway, "The identity provider refused the sign-in", "The settings of this server and of the identity provider do not match. The server's log has the details; an administrator can correct the settings."),
            _ => (StatusCodes.Status400BadRequest, "Sign-in not verified", "The sign-in took more than 15 minutes, was already used, was started in another browser or at another address, or was altered. Start again from the sign-in page."),
        };
        return Page();
    }

    [LoggerMessage(5084, LogLevel.Warning, "No company sign-in could be started at {Authority}, {Kind}: {Reason}")]
    private partial void LogNotStarted(string authority, OidcProblemKind kind, string reason);
}
