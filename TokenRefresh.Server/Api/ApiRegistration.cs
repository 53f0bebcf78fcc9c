using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using TokenRefresh.Providers.Settings;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Api;

/// <summary>The API for programs.</summary>
internal static class ApiRegistration
{
    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddSettings<ApiOptions>(ApiOptions.Section);
        services.AddSingleton<ClientAccess>();
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, ClientKeyAuthentication>(ClientKeyAuthentication.Name, null);

        // Whatever has no rule of its own, such as an address that does not exist, asks for a sign-in: here by key.
        services.Configure<CookieAuthenticationOptions>(IdentityConstants.ApplicationScheme, cookie =>
            cookie.ForwardDefaultSelector = context => ProgramAddresses.Contain(context.Request.Path) ? ClientKeyAuthentication.Name : null);
        services.AddAuthorizationBuilder().AddPolicy(ClientKeyAuthentication.Name, policy => policy.AddAuthenticationSchemes(ClientKeyAuthentication.Name).RequireAuthenticatedUser());
        services.AddExceptionHandler<ApiErrors>();
        services.AddSingleton<AccessTokenApi>();
        services.AddSingleton<TokensApi.RepeatedRequests>();
        services.AddOpenApi("v1", openApi => openApi.AddDocumentTransformer(OpenApiExamples.AddSecurityAsync).AddOperationTransformer(OpenApiExamples.AddAsync).AddOperationTransformer(OpenApiParameters.AddAsync));
        return services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.DictionaryKeyPolicy = null;
            json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            json.SerializerOptions.AllowDuplicateProperties = false;
        });
    }

    public static void MapApi(this IEndpointRouteBuilder routes)
    {
        AccessTokenApi.Map(routes.MapGroup("/api").WithTags("Tokens"), routes.ServiceProvider);

        var api = routes.MapGroup("/api").WithTags("Tokens").RequireAuthorization(ClientKeyAuthentication.Name);
        api.MapRejections();
        api.MapTokenList();
        api.MapTokens();
        api.MapTokenDefinitions();
        api.MapProviders();
        api.MapLogs();
    }

    /// <summary>What stands before the API's addresses: no key, no answer, whatever is asked and sent; problem details for every error.</summary>
    public static void UseApi(this IApplicationBuilder app) => app.UseWhen(IsGuarded, api =>
    {
        api.UseStatusCodePages(context => ApiErrors.Of(context.HttpContext.Response.StatusCode)?.ExecuteAsync(context.HttpContext) ?? Task.CompletedTask);
        api.UseSizeLimit();
        api.UseAuthentication();
        api.UseAuthorization();
        api.UseUtf8();
    });

    // The others would make a scope for each read.
    private static bool IsGuarded(HttpContext context) => ProgramAddresses.Contain(context.Request.Path) && context.GetEndpoint()?.Metadata.GetMetadata<SelfGuarded>() is null;
}
