namespace TokenRefresh.Server.Hosting;

/// <summary>An address that does not exist is refused like one that does, so that anonymous callers learn nothing about what exists.</summary>
internal static class RejectUnmatchedRequests
{
    public static void UseStrangers(this WebApplication app) => app.Use(RefuseAsync);

    private static Task RefuseAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint() is not null)
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    }
}
