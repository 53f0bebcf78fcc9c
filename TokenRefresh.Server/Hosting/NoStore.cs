namespace TokenRefresh.Server.Hosting;

/// <summary>
/// No cache on the way stores an answer unless the code that made it has set how long it may be cached: some proxies
/// hand what they got for a key or a sign-in to the next one who asks.
/// </summary>
internal static class NoStore
{
    public static void UseNoStore(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        // At the last moment, so that it also holds where an error has taken all headers away.
        context.Response.OnStarting(Mark, context.Response);
        return next(context);
    });

    private static Task Mark(object state)
    {
        var headers = ((HttpResponse)state).Headers;
        if (headers.CacheControl.Count == 0)
        {
            headers.CacheControl = "no-store";
        }

        if (headers.CacheControl.ToString().Contains("no-store", StringComparison.OrdinalIgnoreCase))
        {
            headers.Remove("Expires");
        }

        return Task.CompletedTask;
    }
}
