using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers.Settings;
using TokenRefresh.Server.Access.Oidc;

namespace TokenRefresh.Server.Access;

/// <summary>Sign-in to the panel: people, roles, cookie, lockout.</summary>
internal static class AccessRegistration
{
    public const string LoginPath = "/account/login";

    /// <summary>The rate limit of the sign-in form.</summary>
    public const string SignInLimit = "sign-in";

    /// <summary>The rate limit of company sign-ins: of their start and of the way back, of which each may ask the identity provider.</summary>
    public const string CompanySignInLimit = "company-sign-in";

    private static readonly TimeSpan SignedInFor = TimeSpan.FromHours(8);

    /// <summary>Adds the people's store, without a way to sign in: for verbs and for the server alike.</summary>
    public static IServiceCollection AddOperators(this IServiceCollection services)
    {
        services.AddSettings<AccessOptions>(AccessOptions.Section, null, "Oidc");
        services.AddOidcSettings();

        // A panel address of its own, where messages have one, wins.
        services.AddOptions<NotificationOptions>().PostConfigure<IOptions<AccessOptions>>(
            (messages, access) => messages.PanelUrl = messages.PanelUrl is { Length: > 0 } own ? own : access.Value.PublicUrl);
        services.AddSingleton<IValidateOptions<NotificationOptions>, PanelUrlRules>();
        services.AddDbContext<PanelUsersDbContext>((provider, options) => options.UseDatabase(provider, PanelUsersDbContext.MigrationsTable));
        services.AddSingleton<IDatabaseStep, OperatorsSchema>();
        services.AddScoped<PanelUsers>();
        services.AddIdentityCore<PanelUser>(options =>
            {
                options.Password.RequiredLength = PanelUsers.LeastPassword;
                options.Password.RequireDigit = options.Password.RequireLowercase = options.Password.RequireUppercase = options.Password.RequireNonAlphanumeric = false;
                options.User.AllowedUserNameCharacters = "";
                options.Lockout.MaxFailedAccessAttempts = 5;
                options.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(15);
            })
            .AddEntityFrameworkStores<PanelUsersDbContext>()
            .AddUserValidator<PanelUserNames>()
            .AddPasswordValidator<LongestPassword>()
            .AddClaimsPrincipalFactory<OperatorClaims>();
        return services;
    }

    /// <summary>Adds the cookie, the roles' policies and the limit on sign-ins. What names no rule of its own needs a sign-in.</summary>
    public static IServiceCollection AddSignIn(this IServiceCollection services, IConfiguration configuration, bool isDevelopment)
    {
        services.AddHttpContextAccessor();
        services.AddScoped<SignInManager<PanelUser>, PanelSignIn>();
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddCookie(IdentityConstants.ApplicationScheme, cookie =>
        {
            cookie.LoginPath = LoginPath;
            cookie.ExpireTimeSpan = SignedInFor;
            cookie.Cookie.Name = "tokenrefresh";
            cookie.Cookie.SameSite = SameSiteMode.Lax;
            cookie.Cookie.SecurePolicy = Secure(isDevelopment);
            cookie.Events = new SignInEvents();
        });
        if (OidcRegistration.IsOn(configuration))
        {
            services.AddOidc(Secure(isDevelopment));
        }

        services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<AccessOptions>>((forwarded, access) =>
        {
            // As many as there are, as long as each is one of ours.
            forwarded.ForwardLimit = null;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var network in NetworksAttribute.Read(access.Value.TrustedProxies))
            {
                forwarded.KnownIPNetworks.Add(network!.Value);
            }

            // The framework takes an empty list for everybody.
            forwarded.ForwardedHeaders = forwarded.KnownIPNetworks.Count == 0 ? ForwardedHeaders.None : ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
        });
        services.AddAntiforgery(antiforgery =>
        {
            antiforgery.Cookie.Name = "tokenrefresh-form";
            antiforgery.Cookie.SecurePolicy = Secure(isDevelopment);
        });
        services.Configure<CookieTempDataProviderOptions>(told =>
        {
            told.Cookie.Name = "tokenrefresh-told";
            told.Cookie.SecurePolicy = Secure(isDevelopment);
        });
        var policies = services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        foreach (var role in Enum.GetNames<Role>())
        {
            policies.AddPolicy(role, policy => policy.RequireRole(role));
        }

        return services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;

            limiter.AddPolicy(CompanySignInLimit, context => RateLimitPartition.GetFixedWindowLimiter(Origin(context.Connection.RemoteIpAddress), _ => new() { PermitLimit = 60, Window = TimeSpan.FromMinutes(1) }));

            // Attempts only: a caller who could exhaust the limit of the form for everyone would lock everyone out.
            limiter.AddPolicy(SignInLimit, context => HttpMethods.IsPost(context.Request.Method)
                ? RateLimitPartition.GetFixedWindowLimiter(Origin(context.Connection.RemoteIpAddress), _ => new() { PermitLimit = 20, Window = TimeSpan.FromMinutes(1) })
                : RateLimitPartition.GetNoLimiter("reading"));
        });
    }

    // A caller with one IPv6 address usually has the whole /64 network.
    private static string Origin(IPAddress? address) => address switch
    {
        null => "nowhere",
        { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false } => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
        _ => $"{address.MapToIPv4()}",
    };

    // Without TLS a browser would keep no secure cookie; in Development, on this machine, that is allowed.
    private static CookieSecurePolicy Secure(bool isDevelopment) => isDevelopment ? CookieSecurePolicy.SameAsRequest : CookieSecurePolicy.Always;

    /// <summary>Puts the role, and with it all roles below, into the sign-in.</summary>
    private sealed class OperatorClaims(UserManager<PanelUser> users, IOptions<IdentityOptions> options) : UserClaimsPrincipalFactory<PanelUser>(users, options)
    {
        protected override async Task<ClaimsIdentity> GenerateClaimsAsync(PanelUser user)
        {
            var identity = await base.GenerateClaimsAsync(user);
            identity.AddClaims(Enum.GetValues<Role>().Where(role => role <= user.Role).Select(role => new Claim(identity.RoleClaimType, role.ToString())));
            return identity;
        }
    }

    private sealed class OperatorsSchema(IServiceScopeFactory scopes, TablesSchema schema) : IDatabaseStep
    {
        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await using var scope = scopes.CreateAsyncScope();
            await schema.MigrateAsync(scope.ServiceProvider.GetRequiredService<PanelUsersDbContext>(), cancellationToken);
        }

        public async Task CheckAsync(CancellationToken cancellationToken)
        {
            await using var scope = scopes.CreateAsyncScope();
            await schema.CheckAsync(scope.ServiceProvider.GetRequiredService<PanelUsersDbContext>(), cancellationToken);
        }
    }
}
