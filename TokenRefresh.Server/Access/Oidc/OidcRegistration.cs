using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Access.Oidc;

/// <summary>Sign-in by the company's own identity provider: authorization code with PKCE, ended by a session in the panel's own cookie.</summary>
internal static class OidcRegistration
{
    public const string Scheme = "oidc";

    /// <summary>Where a sign-in starts.</summary>
    public const string StartPath = "/account/oidc";

    /// <summary>Where the identity provider sends people back; registered there.</summary>
    public const string CallbackPath = "/account/oidc/callback";

    /// <summary>A sign-in page that waits longer than this for the identity provider says that it does not answer.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>The link that starts a sign-in and then leads to an address of this server; null for the usual one.</summary>
    public static string StartLink(string? returnUrl) => returnUrl is null ? StartPath : StartPath + QueryString.Create("ReturnUrl", returnUrl);

    /// <summary>Whether an identity provider is named. Asked before options exist, because without one nothing of it is registered.</summary>
    public static bool IsOn(IConfiguration configuration) => !string.IsNullOrWhiteSpace(configuration[$"{OidcOptions.Section}:{nameof(OidcOptions.Authority)}"]);

    /// <summary>Adds the settings and their rules: for verbs and for the server alike.</summary>
    public static IServiceCollection AddOidcSettings(this IServiceCollection services) =>
        services.AddSettings<OidcOptions>(OidcOptions.Section).AddSingleton<IValidateOptions<OidcOptions>, OidcRules>();

    /// <summary>Adds the way to sign in. The identity provider is first asked when a person is: the server starts without it.</summary>
    public static IServiceCollection AddOidc(this IServiceCollection services, CookieSecurePolicy secure)
    {
        services.AddScoped<CompanyAccounts>();
        services.AddScoped<OidcEvents>();
        services.AddAuthentication().AddOpenIdConnect(Scheme, _ => { });
        services.AddOptions<OpenIdConnectOptions>(Scheme).Configure<IOptions<OidcOptions>>((handler, own) => Configure(handler, own.Value, secure));
        return services;
    }

    private static void Configure(OpenIdConnectOptions handler, OidcOptions own, CookieSecurePolicy secure)
    {
        handler.Authority = own.Authority;
        handler.RequireHttpsMetadata = own.Authority.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
        handler.ClientId = own.ClientId;
        handler.ClientSecret = own.ClientSecret.Length > 0 ? own.ClientSecret : null;
        handler.BackchannelTimeout = LongestWait;

        // As for every address that credentials are sent to.
        handler.BackchannelHttpHandler = new SocketsHttpHandler { AllowAutoRedirect = false };
        handler.DisableTelemetry = true;

        // By a query and a cookie that is Lax: the way back is a plain link for the browser, and a form from another site is not.
        handler.ResponseType = OpenIdConnectResponseType.Code;
        handler.ResponseMode = OpenIdConnectResponseMode.Query;
        handler.CallbackPath = CallbackPath;
        SetCookie(handler.CorrelationCookie, "tokenrefresh-oidc-state.", secure);
        SetCookie(handler.NonceCookie, "tokenrefresh-oidc-nonce.", secure);

        // Signing out is the panel's own; else any site could end a session by a link to these addresses.
        handler.RemoteSignOutPath = handler.SignedOutCallbackPath = default;

        // The names of claims as the identity provider writes them; some have roles in the ID token, some in the userinfo answer only.
        handler.MapInboundClaims = false;
        handler.Scope.Add("email");
        handler.GetClaimsFromUserInfoEndpoint = true;
        handler.ClaimActions.Remove(CompanyAccounts.Issuer);
        handler.ClaimActions.MapUniqueJsonKey("preferred_username", "preferred_username");
        handler.ClaimActions.Remove(own.RoleClaim);
        handler.ClaimActions.MapJsonKey(own.RoleClaim, own.RoleClaim);

        handler.SaveTokens = false;
        handler.SignInScheme = IdentityConstants.ApplicationScheme;
        handler.EventsType = typeof(OidcEvents);
    }

    private static void SetCookie(CookieBuilder cookie, string name, CookieSecurePolicy secure)
    {
        cookie.Name = name;
        cookie.SameSite = SameSiteMode.Lax;
        cookie.SecurePolicy = secure;
    }
}
