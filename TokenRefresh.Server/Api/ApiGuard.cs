using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Api;

/// <summary>What every call of the API meets first: no key, no answer, whatever it asks and sends; no large body; problem details for every error.</summary>
internal sealed partial class ApiGuard(RequestDelegate next, ILogger<ApiGuard> log)
{
    /// <summary>No request of the API is larger.</summary>
    public const long LargestBody = 16 * 1024;

    // Nothing is asked of the services before this, because that would make a scope for each read.
    public Task InvokeAsync(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<SelfGuarded>() is not null ? next(context) : GuardAsync(context);

    private async Task GuardAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = LargestBody;
        }

        var (client, refusal) = context.RequestServices.GetRequiredService<ClientAccess>().Enter(context, changes: HttpMethods.IsPost(context.Request.Method));
        if (client is null)
        {
            await refusal!.ExecuteAsync(context);
            return;
        }

        context.Items[typeof(Client)] = client;

        // JSON is UTF-8 (RFC 8259); the framework would report an unknown charset as an error of this program.
        // So it does with the quotes around one, which the standard allows.
        if (context.Request.GetTypedHeaders().ContentType is { Charset: { HasValue: true } charset } type)
        {
            if (!HeaderUtilities.RemoveQuotes(charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            {
                await Problem.NotJson.ExecuteAsync(context);
                return;
            }

            context.Request.ContentType = type.MediaType.Value;
        }

        if (await FailureAsync(context) is { } problem && !context.Response.HasStarted)
        {
            await problem.ExecuteAsync(context);
        }
    }

    private async Task<Problem?> FailureAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (BadHttpRequestException error)
        {
            return Bare(error.StatusCode) ?? Problem.BadRequest("~/openapi/v1.json describes the API.");
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return Problem.DatabaseAway;
        }
        catch (Exception error) when (error is not OperationCanceledException || !context.RequestAborted.IsCancellationRequested)
        {
            LogBroken(context.Request.Method, context.GetEndpoint()?.DisplayName ?? "", error);
            return Problem.Internal;
        }

        return context.Response.ContentLength is null && context.Response.ContentType is null ? Bare(context.Response.StatusCode) : null;
    }

    /// <summary>What the framework refuses with a status alone is told in words as well.</summary>
    private static Problem? Bare(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Problem.BadRequest("The body must be JSON as described in ~/openapi/v1.json, without other fields."),
        StatusCodes.Status404NotFound => new(status, "not_found", "Address not found", "~/openapi/v1.json describes the API."),
        StatusCodes.Status405MethodNotAllowed => new(status, "method_not_allowed", "Method not allowed", "~/openapi/v1.json describes the API."),
        StatusCodes.Status408RequestTimeout => new(status, "too_slow", "The request was too slow", "Send the body at once."),
        StatusCodes.Status413PayloadTooLarge => Problem.TooLarge,
        StatusCodes.Status415UnsupportedMediaType => Problem.NotJson,
        _ => null,
    };

    [LoggerMessage(1151, LogLevel.Error, "{Method} {Endpoint} failed with an unexpected error")]
    private partial void LogBroken(string method, string endpoint, Exception error);
}
