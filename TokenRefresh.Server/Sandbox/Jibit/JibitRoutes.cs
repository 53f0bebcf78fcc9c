namespace TokenRefresh.Server.Sandbox.Jibit;

/// <summary>Jibit's addresses. What it does not have is refused in its own words.</summary>
internal static class JibitRoutes
{
    public static void MapJibit(this RouteGroupBuilder routes)
    {
        routes.MapPost("/v1/tokens/generate", (HttpContext context, JibitSandbox jibit) => jibit.GenerateAsync(context));
        routes.MapPost("/v1/tokens/refresh", (HttpContext context, JibitSandbox jibit) => jibit.RefreshAsync(context));
        routes.MapGet("/v1/balances", (HttpContext context, JibitSandbox jibit) => jibit.BalancesAsync(context));
        routes.Map("/{**rest}", (HttpContext context, JibitSandbox jibit) => jibit.UnknownAsync(context));
    }
}
