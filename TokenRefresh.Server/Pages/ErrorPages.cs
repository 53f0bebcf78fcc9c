using System.Data.Common;
using System.Text.Encodings.Web;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Pages;

/// <summary>What people see in place of a bare status; needs no database and no sign-in.</summary>
internal static partial class ErrorPages
{
    public static void UsePlainPages(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
        }
        catch (Exception error) when (!context.Response.HasStarted && IsOfDatabase(error) && DatabaseFaults.IsAway(error))
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "5";
        }
        catch (Exception error) when (IsOurs(error, context))
        {
            LogBroken(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ErrorPages)), context.Request.Method, context.Request.Path, error);
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }

        if (context.Response is { HasStarted: false, ContentLength: null, ContentType: null, StatusCode: >= 400 and < 600 and not StatusCodes.Status401Unauthorized } response)
        {
            var (heading, advice) = Words(response.StatusCode);
            var prefix = context.Request.PathBase.ToUriComponent();
            response.ContentType = "text/html; charset=utf-8";
            await response.WriteAsync(
                $"""
                <!doctype html>
                <html lang="en">
                <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>{heading} · TokenRefresh</title><link rel="icon" href="{prefix}/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="{prefix}/site.css"></head>
                <body>
                <header class="top"><a class="brand" href="{prefix}/access/tokens">{Brand.Mark}TokenRefresh</a></header>
                <main><section class="narrow card"><p class="status">{response.StatusCode}</p><h1>{heading}</h1><p>{advice}</p>{Hint(context)}<p class="acts"><a class="button" href="{prefix}/access/tokens">Back to tokens</a></p></section></main>
                </body>
                </html>
                """);
        }
    });

    /// <summary>Has the page say more: what there is instead of what was asked for.</summary>
    public static void SayInstead(HttpContext context, string hint) => context.Items[typeof(ErrorPages)] = hint;

    // A file that cannot be read is no reason to say that the database is unreachable.
    private static bool IsOfDatabase(Exception? error) => error is not null && (error is DbException || IsOfDatabase(error.InnerException));

    // Developers see its trace; a request that was given up or could not be read is answered by the server itself.
    private static bool IsOurs(Exception error, HttpContext context) => !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested
        && error is not BadHttpRequestException && !context.RequestServices.GetRequiredService<IHostEnvironment>().IsDevelopment();

    private static string Hint(HttpContext context) => context.Items[typeof(ErrorPages)] is string hint ? $"<p>{HtmlEncoder.Default.Encode(hint)}</p>" : "";

    private static (string Heading, string Advice) Words(int status) => status switch
    {
        StatusCodes.Status400BadRequest => ("Form not accepted", "The form expired, is older than your session, or contains invalid text. Go back, reload the page and send it again; nothing was changed."),
        StatusCodes.Status403Forbidden => ("You don't have permission", "Your role does not allow this. An administrator can change your role."),
        StatusCodes.Status404NotFound => ("Page not found", "The address may be wrong, or the page was removed."),
        StatusCodes.Status426UpgradeRequired => ("TLS required", "Outside Development the panel is only available over TLS. Put a proxy with TLS in front of it that sets X-Forwarded-Proto, and name it in Access__TrustedProxies."),
        StatusCodes.Status429TooManyRequests => ("Too many attempts", "Wait a minute and try again."),
        StatusCodes.Status503ServiceUnavailable => ("The database is unreachable", "The panel needs the database. Clients still get valid tokens from memory. Try again in a moment."),
        _ => ("Something went wrong", "The server's log has the details. Stored data is unchanged."),
    };

    [LoggerMessage(5031, LogLevel.Error, "{Method} {Path} failed with an unexpected error")]
    private static partial void LogBroken(ILogger log, string method, PathString path, Exception error);
}
