using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Server.Access;

/// <summary>Checks a session cookie: it is valid only while the account is unchanged, and a request without a user does not extend it.</summary>
internal sealed class SignInEvents : CookieAuthenticationEvents
{
    /// <summary>Where a form goes whose sender is signed in no more.</summary>
    public const string ExpiredPath = "/account/expired";

    // Asked at each request: a role that was taken away, or a person who was let go, must not act for another minute.
    public override async Task ValidatePrincipal(CookieValidatePrincipalContext context)
    {
        var signIn = context.HttpContext.RequestServices.GetRequiredService<SignInManager<PanelUser>>();
        if (await signIn.ValidateSecurityStampAsync(context.Principal) is not { DisabledAt: null })
        {
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(context.Scheme.Name);
        }
    }

    // A page that lies open renews itself; that is no use of it.
    public override Task CheckSlidingExpiration(CookieSlidingExpirationContext context)
    {
        context.ShouldRenew &= context.Request.Headers.XRequestedWith.Count == 0 && context.Request.Headers.Accept != "text/event-stream";
        return Task.CompletedTask;
    }

    // Without a host: a request may name any. 307 keeps the form: what was typed is offered again after the sign-in.
    public override Task RedirectToLogin(RedirectContext<CookieAuthenticationOptions> context)
    {
        var request = context.Request;
        var (status, to) = HttpMethods.IsPost(request.Method) && request.HasFormContentType && request.Headers.XRequestedWith.Count == 0
            ? (StatusCodes.Status307TemporaryRedirect, ExpiredPath + QueryString.Create("to", request.Path + request.QueryString))
            : (request.Headers.XRequestedWith == "XMLHttpRequest" ? StatusCodes.Status401Unauthorized : StatusCodes.Status302Found,
                AccessRegistration.LoginPath + QueryString.Create(context.Options.ReturnUrlParameter, context.Properties.RedirectUri ?? request.Path + request.QueryString));
        if (request.Headers.Accept == "text/event-stream")
        {
            // An open page listens; it asks for a sign-in itself when somebody uses it.
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        context.Response.StatusCode = status;
        context.Response.Headers.Location = request.PathBase + to;
        return Task.CompletedTask;
    }

    public override Task RedirectToAccessDenied(RedirectContext<CookieAuthenticationOptions> context)
    {
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }
}

/// <summary>Refuses a disabled user.</summary>
internal sealed class PanelSignIn(
    UserManager<PanelUser> users,
    IHttpContextAccessor contexts,
    IUserClaimsPrincipalFactory<PanelUser> claims,
    IOptions<IdentityOptions> options,
    ILogger<SignInManager<PanelUser>> log,
    IAuthenticationSchemeProvider schemes,
    IUserConfirmation<PanelUser> confirmation) : SignInManager<PanelUser>(users, contexts, claims, options, log, schemes, confirmation)
{
    public override async Task<bool> CanSignInAsync(PanelUser user) => user.DisabledAt is null && await base.CanSignInAsync(user);
}

/// <summary>Names of people in any script, but none that looks like another: no control, direction or invisible characters.</summary>
internal sealed class PanelUserNames : IUserValidator<PanelUser>
{
    private const int Longest = 64;

    private static readonly IdentityError Refused = new()
    {
        Code = nameof(PanelUserNames),
        Description = "A user name has 1 to 64 letters and digits of any script, and may contain '-', '.', '_', '@' and '+'.",
    };

    public Task<IdentityResult> ValidateAsync(UserManager<PanelUser> manager, PanelUser user) => Task.FromResult(
        user.UserName is { Length: > 0 and <= Longest } name && name.EnumerateRunes().All(IsAllowed) ? IdentityResult.Success : IdentityResult.Failed(Refused));

    /// <summary>A name from elsewhere as it may stand here: other signs become underscores, and what is too long is cut.</summary>
    public static string Fit(string name)
    {
        var fit = new System.Text.StringBuilder();
        foreach (var sign in name.Trim().EnumerateRunes().Select(sign => IsAllowed(sign) ? sign : new('_')).TakeWhile(sign => fit.Length + sign.Utf16SequenceLength <= Longest))
        {
            fit.Append(fit.Length == 0 && sign.Value is '-' or '+' or '@' ? "_" : sign.ToString());
        }

        return fit.ToString();
    }

    private static bool IsAllowed(System.Text.Rune sign) =>
        System.Text.Rune.IsLetterOrDigit(sign) || sign.Value is '-' or '.' or '_' or '@' or '+'
        || System.Text.Rune.GetUnicodeCategory(sign) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark;
}

/// <summary>Refuses what the sign-in would not look at.</summary>
internal sealed class LongestPassword : IPasswordValidator<PanelUser>
{
    private static readonly IdentityError Refused = new() { Code = nameof(LongestPassword), Description = $"A password has at most {PanelUsers.MostPassword} characters." };

    public Task<IdentityResult> ValidateAsync(UserManager<PanelUser> manager, PanelUser user, string? password) =>
        Task.FromResult(password?.Length > PanelUsers.MostPassword ? IdentityResult.Failed(Refused) : IdentityResult.Success);
}
