namespace TokenRefresh.Server.Hosting;

/// <summary>An address that is none is refused like one that is somebody's, so that a stranger learns nothing of what there is.</summary>
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
