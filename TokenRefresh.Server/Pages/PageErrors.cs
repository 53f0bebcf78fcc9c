using System.Data.Common;
using Microsoft.AspNetCore.Diagnostics;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Pages;

/// <summary>An unexpected error of a page: its trace is for the log, and people get a page that says what it means for them.</summary>
internal sealed partial class PageErrors(ILogger<PageErrors> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception error, CancellationToken cancellationToken)
    {
        context.Response.StatusCode = StatusOf(context, error);
        if (context.Response.StatusCode == StatusCodes.Status503ServiceUnavailable)
        {
            context.Response.Headers.RetryAfter = "5";
        }

        await ErrorPages.WriteAsync(context);
        return true;
    }

    private int StatusOf(HttpContext context, Exception error)
    {
        if (error is BadHttpRequestException bad)
        {
            return bad.StatusCode;
        }

        if (IsOfDatabase(error) && DatabaseFaults.IsAway(error))
        {
            return StatusCodes.Status503ServiceUnavailable;
        }

        LogBroken(context.Request.Method, context.Request.Path, error);
        return StatusCodes.Status500InternalServerError;
    }

    // A file that cannot be read is no reason to say that the database is unreachable.
    private static bool IsOfDatabase(Exception? error) => error is not null && (error is DbException || IsOfDatabase(error.InnerException));

    [LoggerMessage(5031, LogLevel.Error, "{Method} {Path} failed with an unexpected error")]
    private partial void LogBroken(string method, PathString path, Exception error);
}
