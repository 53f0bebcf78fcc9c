using System.Text.Json;
using System.Text.Json.Serialization;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Api;

/// <summary>The API for programs.</summary>
internal static class ApiRegistration
{
    /// <summary>No request of the API is larger.</summary>
    private const long LargestBody = 16 * 1024;

    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddSettings<ApiOptions>(ApiOptions.Section);
        services.AddSingleton<ClientAccess>();
        services.AddSingleton<AccessTokenApi>();
        services.AddSingleton<TokensApi.RepeatedRequests>();
        services.AddOpenApi("v1", openApi => openApi.AddDocumentTransformer(OpenApiExamples.AddSecurityAsync).AddOperationTransformer(OpenApiExamples.AddAsync));
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

        var api = routes.MapGroup("/api").WithTags("Tokens").AddEndpointFilter(ClientAccess.RequireAsync);
        api.MapRejections();
        api.MapTokens();
        api.MapLogs();
    }

    /// <summary>What the API's callers get before any endpoint is chosen: no key, no answer; no large body; problem details for every error.</summary>
    public static void UseApi(this IApplicationBuilder app) => app.UseWhen(
        context => context.Request.Path.StartsWithSegments("/api", StringComparison.Ordinal) || context.Request.Path.StartsWithSegments("/openapi", StringComparison.Ordinal),
        api => api.Use(GuardAsync));

    private static Task GuardAsync(HttpContext context, RequestDelegate next) =>
        context.GetEndpoint()?.Metadata.GetMetadata<SelfGuarded>() is not null ? next(context) : GuardOthersAsync(context, next);

    private static async Task GuardOthersAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = LargestBody;
        }

        // Endpoints check the key themselves; what is none of them, or the description, must not answer a stranger either.
        if (context.GetEndpoint() is null || context.Request.Path.StartsWithSegments("/openapi", StringComparison.Ordinal))
        {
            if (context.RequestServices.GetRequiredService<ClientAccess>().Enter(context, changes: false) is { Client: null, Problem: { } problem })
            {
                await problem.ExecuteAsync(context);
                return;
            }
        }

        try
        {
            await next(context);
        }
        catch (BadHttpRequestException error) when (!context.Response.HasStarted)
        {
            context.Response.StatusCode = error.StatusCode;
        }
        catch (Exception error) when (Jobs.Persistence.DatabaseFaults.IsAway(error) && !context.Response.HasStarted)
        {
            await Problem.DatabaseAway.ExecuteAsync(context);
        }

        if (!context.Response.HasStarted && context.Response.ContentLength is null && Bare(context.Response.StatusCode) is { } bare)
        {
            await bare.ExecuteAsync(context);
        }
    }

    /// <summary>What the framework refuses with a status alone is told in words as well.</summary>
    private static Problem? Bare(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Problem.BadRequest("The body is JSON as /openapi/v1.json describes it, with no other fields."),
        StatusCodes.Status404NotFound => new(status, "not_found", "There is no such address", "/openapi/v1.json describes the API."),
        StatusCodes.Status405MethodNotAllowed => new(status, "method_not_allowed", "Another method is needed here", "/openapi/v1.json describes the API."),
        StatusCodes.Status413PayloadTooLarge => new(status, "too_large", "The request is too large", $"At most {LargestBody} bytes."),
        StatusCodes.Status415UnsupportedMediaType => new(status, "unsupported_media_type", "The body is not JSON", "Send Content-Type: application/json."),
        _ => null,
    };
}
