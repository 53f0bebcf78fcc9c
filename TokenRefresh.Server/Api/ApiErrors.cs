using Microsoft.AspNetCore.Diagnostics;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Api;

/// <summary>Every error of the API as problem details, whoever noticed it.</summary>
internal sealed partial class ApiErrors(ILogger<ApiErrors> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception error, CancellationToken cancellationToken)
    {
        if (!ProgramAddresses.Contain(context.Request.Path))
        {
            return false;
        }

        await ProblemOf(context, error).ExecuteAsync(context);
        return true;
    }

    /// <summary>What the framework refuses with a status alone, in words; nothing for other statuses.</summary>
    public static Problem? Of(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Problem.BadRequest("The body must be JSON as described in ~/openapi/v1.json, without other fields."),
        StatusCodes.Status404NotFound => new(status, "not_found", "Address not found", "~/openapi/v1.json describes the API."),
        StatusCodes.Status405MethodNotAllowed => new(status, "method_not_allowed", "Method not allowed", "~/openapi/v1.json describes the API."),
        StatusCodes.Status408RequestTimeout => new(status, "too_slow", "The request was too slow", "Send the body at once."),
        StatusCodes.Status413PayloadTooLarge => Problem.TooLarge,
        StatusCodes.Status415UnsupportedMediaType => Problem.NotJson,
        _ => null,
    };

    private Problem ProblemOf(HttpContext context, Exception error)
    {
        if (error is BadHttpRequestException bad)
        {
            return Of(bad.StatusCode) ?? Problem.BadRequest("~/openapi/v1.json describes the API.");
        }

        if (DatabaseFaults.IsAway(error))
        {
            return Problem.DatabaseAway;
        }

        LogBroken(context.Request.Method, context.Features.Get<IExceptionHandlerFeature>()?.Endpoint?.DisplayName ?? "", error);
        return Problem.Internal;
    }

    [LoggerMessage(1151, LogLevel.Error, "{Method} {Endpoint} failed with an unexpected error")]
    private partial void LogBroken(string method, string endpoint, Exception error);
}
