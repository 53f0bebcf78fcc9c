using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.ApplicationModels;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.RateLimiting;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Access.Oidc;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Pages.Access.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>The panel for people.</summary>
internal static class PanelRegistration
{
    /// <summary>No form of the panel is larger.</summary>
    private const int LargestForm = 256 * 1024;

    public static IServiceCollection AddPanel(this IServiceCollection services, IConfiguration configuration, bool isDevelopment)
    {
        services.AddSignIn(configuration, isDevelopment);
        services.AddSingleton(PageEncoder.Html);
        services.AddRazorPages(pages =>
        {
            pages.Conventions.AuthorizeFolder("/Access", nameof(Role.Viewer));
            pages.Conventions.AllowAnonymousToFolder("/Account");

            // Its handlers accept requests with a valid signature, and redirect all others to the sign-in.
            pages.Conventions.AllowAnonymousToFolder("/Incidents");
            pages.Conventions.ConfigureFilter(new RoleFilter());
            pages.Conventions.AddPageApplicationModelConvention("/Account/Login", page => page.EndpointMetadata.Add(new EnableRateLimitingAttribute(AccessRegistration.SignInLimit)));
            pages.Conventions.AddPageApplicationModelConvention("/Account/Oidc", page => page.EndpointMetadata.Add(new EnableRateLimitingAttribute(AccessRegistration.CompanySignInLimit)));
            pages.Conventions.AddPageRouteModelConvention("/Account/Oidc", page => RouteOidc(page.Selectors, OidcRegistration.IsOn(configuration)));
        });
        services.Configure<FormOptions>(forms => (forms.ValueLengthLimit, forms.MultipartBodyLengthLimit) = (LargestForm, LargestForm));
        services.AddExceptionHandler<PageErrors>();
        services.AddScoped(provider => PanelPreferences.Of(provider.GetRequiredService<IHttpContextAccessor>().HttpContext ?? throw new InvalidOperationException("There are preferences only in a request.")));
        services.AddScoped<PanelText>();
        services.AddScoped<CurrentDiagnosis>();
        services.AddScoped<CurrentSituation>();
        services.AddScoped<ProviderSummaries>();
        services.AddScoped<UptimeStrip>();
        services.AddScoped<LifetimeChart>();
        services.AddScoped<SavedFilters>();
        services.AddScoped<PanelActions>();
        services.AddScoped<ImportActions>();
        services.AddSingleton<TokenStories>();
        services.AddSingleton<Assets>();
        services.AddSingleton<PanelEvents>();
        services.AddSingleton<IChangeObserver>(provider => provider.GetRequiredService<PanelEvents>());
        services.AddScoped<TimeFormat>();
        return services;
    }

    /// <summary>What stands before the pages. The programs' addresses are left out: they have keys of their own, and no time to lose.</summary>
    public static void UsePanel(this WebApplication app)
    {
        // Without these the host would add both for every request, and before its address is looked up.
        foreach (var added in new[] { "__AuthenticationMiddlewareSet", "__AuthorizationMiddlewareSet" })
        {
            ((IApplicationBuilder)app).Properties[added] = true;
        }

        app.UseWhen(context => !ProgramAddresses.Contain(context.Request.Path), pages =>
        {
            pages.UseForwardedHeaders();
            pages.UsePageHeaders();
            pages.UseStatusCodePages(context => ErrorPages.WriteAsync(context.HttpContext));
            if (!app.Environment.IsDevelopment())
            {
                pages.Use(RefusePlainTextAsync);
            }

            pages.UseStaticFiles(new StaticFileOptions { OnPrepareResponse = Assets.SetCaching });
            pages.UseRateLimiter();
            pages.UseAuthentication();
            pages.UseAuthorization();
            pages.Use(RefuseUnreadableFormsAsync);
        });
    }

    public static void MapPanel(this WebApplication app)
    {
        app.MapGet("/", () => Results.LocalRedirect($"~{PanelPaths.Overview}")).ExcludeFromDescription();
        app.MapRazorPages();
        app.MapGet(PanelPaths.Events, PanelEvents.ServeAsync).RequireAuthorization(nameof(Role.Viewer)).ExcludeFromDescription();
        app.MapJobsDashboard();
    }

    // At the callback's address the page tells why there is no session; without an identity provider there is no such page.
    private static void RouteOidc(IList<SelectorModel> routes, bool isOn)
    {
        if (isOn)
        {
            routes.Add(new() { AttributeRouteModel = new() { Template = OidcRegistration.CallbackPath.TrimStart('/') } });
        }
        else
        {
            routes.Clear();
        }
    }

    // Forms need cookies, and those are for TLS only: said in words instead of failing in the middle of the page.
    private static Task RefusePlainTextAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.IsHttps || context.GetEndpoint()?.Metadata.GetMetadata<PageActionDescriptor>() is null)
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
        return Task.CompletedTask;
    }

    // Whatever a form holds is its sender's doing; the framework takes some of what it cannot read for its own mistake.
    private static async Task RefuseUnreadableFormsAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.HasFormContentType && (context.GetEndpoint()?.Metadata.GetMetadata<PageActionDescriptor>() is not null || context.Request.Path.StartsWithSegments(JobsDashboard.Path, StringComparison.OrdinalIgnoreCase)))
        {
            try
            {
                // Postgres stores no text with this character in it, and no person types it.
                if ((await context.Request.ReadFormAsync(context.RequestAborted)).Any(field => field.Key.Contains('\0', StringComparison.Ordinal) || field.Value.Any(value => value?.Contains('\0', StringComparison.Ordinal) == true)))
                {
                    context.Response.StatusCode = StatusCodes.Status400BadRequest;
                    return;
                }
            }
            catch (Exception error) when (error is InvalidDataException or IOException or NotSupportedException)
            {
                context.Response.StatusCode = error is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status400BadRequest;
                return;
            }
        }

        await next(context);
    }
}
