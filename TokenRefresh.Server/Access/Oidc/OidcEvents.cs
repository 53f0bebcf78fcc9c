using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Server.Access.Oidc;

/// <summary>
/// Turns a verified ID token into a session of the panel, as a password does. What is refused is left to the page at the callback's address, with the reason as a
/// feature of the request.
/// </summary>
internal sealed partial class OidcEvents(CompanyAccounts accounts, SignInManager<PanelUser> signIn, IOptions<AccessOptions> access, IOptions<OidcOptions> options, ILogger<OidcEvents> log) : OpenIdConnectEvents
{
    // Where people reach the panel is known by the setting better than by a request, which may name any host.
    public override Task RedirectToIdentityProvider(RedirectContext context)
    {
        if (access.Value.PublicUrl is { Length: > 0 } address)
        {
            context.ProtocolMessage.RedirectUri = address.TrimEnd('/') + OidcRegistration.CallbackPath;
        }

        return Task.CompletedTask;
    }

    public override async Task TicketReceived(TicketReceivedContext context)
    {
        switch (await accounts.EnterAsync(context.Principal!, context.HttpContext.RequestAborted))
        {
            case CompanySignIn.Accepted { Person: var person }:
                // Not extended by use: a role that is taken away at the identity provider must be gone the same day.
                await signIn.SignInAsync(person, new AuthenticationProperties { AllowRefresh = false }, OidcRegistration.Scheme);
                context.Response.Redirect(context.ReturnUri!);
                context.HandleResponse();
                return;
            case CompanySignIn.Refused { Problem: var problem }:
                LogRefused(problem.Name ?? context.Principal!.FindFirst(CompanyAccounts.Subject)!.Value, problem.Kind, options.Value.RoleClaim);
                Leave(context, problem);
                return;
        }
    }

    public override Task AccessDenied(AccessDeniedContext context)
    {
        Leave(context, new(OidcProblemKind.Denied));
        return Task.CompletedTask;
    }

    public override Task RemoteFailure(RemoteFailureContext context)
    {
        var kind = OidcProblem.KindOf(context.Failure);
        if (kind == OidcProblemKind.NotVerified)
        {
            LogNotVerified(context.Failure!.Message);
        }
        else
        {
            LogFailed(kind, InWords(context.Failure!));
        }

        Leave(context, new(kind));
        return Task.CompletedTask;
    }

    /// <summary>The cause of an error, without the traces that what is around it repeats in its message.</summary>
    public static string InWords(Exception error) => error switch
    {
        { InnerException: null } => error.Message,
        HttpRequestException { InnerException: { } cause } when cause.Message != error.Message => $"{error.Message} {cause.Message}",
        HttpRequestException => error.Message,
        _ => InWords(error.InnerException),
    };

    private static void Leave<T>(HandleRequestContext<T> context, OidcProblem problem)
        where T : AuthenticationSchemeOptions
    {
        context.HttpContext.Features.Set(problem);
        context.SkipHandler();
    }

    [LoggerMessage(5081, LogLevel.Information, "Company sign-in of {Name} refused: {Reason} (role claim {Claim})")]
    private partial void LogRefused(string name, OidcProblemKind reason, string claim);

    // Anyone can send such a request.
    [LoggerMessage(5082, LogLevel.Information, "An answer to a company sign-in was not accepted: {Reason}")]
    private partial void LogNotVerified(string reason);

    [LoggerMessage(5083, LogLevel.Warning, "A company sign-in failed, {Kind}: {Reason}")]
    private partial void LogFailed(OidcProblemKind kind, string reason);
}
