using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.RateLimiting;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages.Access.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>The panel for people.</summary>
internal static class PanelRegistration
{
    /// <summary>No form of the panel is larger.</summary>
    private const int LargestForm = 256 * 1024;

    public static IServiceCollection AddPanel(this IServiceCollection services, bool isDevelopment)
    {
        services.AddSignIn(isDevelopment);
        services.AddRazorPages(pages =>
        {
            pages.Conventions.AuthorizeFolder("/Access", nameof(Role.Viewer));
            pages.Conventions.AllowAnonymousToFolder("/Account");

            // Its handlers accept requests with a valid signature, and redirect all others to the sign-in.
            pages.Conventions.AllowAnonymousToFolder("/Incidents");
            pages.Conventions.ConfigureFilter(new RoleFilter());
            pages.Conventions.AddPageApplicationModelConvention("/Account/Login", page => page.EndpointMetadata.Add(new EnableRateLimitingAttribute(AccessRegistration.SignInLimit)));
        });
        services.Configure<FormOptions>(forms => (forms.ValueLengthLimit, forms.MultipartBodyLengthLimit) = (LargestForm, LargestForm));
        services.AddScoped<CurrentDiagnosis>();
        services.AddScoped<PanelActions>();
        services.AddScoped<ImportActions>();
        services.AddSingleton<TokenStories>();
        services.AddSingleton<Assets>();
        services.AddSingleton<TimeFormat>();
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

        app.UseWhen(IsForPeople, pages =>
        {
            pages.UseForwardedHeaders();
            pages.UsePageHeaders();
            pages.UsePlainPages();
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
        app.MapGet("/", () => Results.LocalRedirect("~/access/tokens")).ExcludeFromDescription();
        app.MapRazorPages();
        app.MapJobsDashboard();
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
                // Postgres stores no text with this sign in it, and no person types it.
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

    private static bool IsForPeople(HttpContext context) =>
        !context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) && !context.Request.Path.StartsWithSegments("/openapi", StringComparison.OrdinalIgnoreCase);
}
