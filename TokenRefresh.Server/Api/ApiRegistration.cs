using System.Text.Json;
using System.Text.Json.Serialization;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Api;

/// <summary>The API for programs.</summary>
internal static class ApiRegistration
{
    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddSettings<ApiOptions>(ApiOptions.Section);
        services.AddSingleton<ClientAccess>();
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

        var api = routes.MapGroup("/api").WithTags("Tokens");
        api.MapRejections();
        api.MapTokens();
        api.MapLogs();
    }

    /// <summary>What stands before the API's addresses.</summary>
    public static void UseApi(this IApplicationBuilder app) => app.UseWhen(
        context => context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) || context.Request.Path.StartsWithSegments("/openapi", StringComparison.OrdinalIgnoreCase),
        api => api.UseMiddleware<ApiGuard>());
}
