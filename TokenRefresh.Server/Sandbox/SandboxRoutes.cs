namespace TokenRefresh.Server.Sandbox;

/// <summary>The providers' addresses below <c>/sandbox</c>. What a provider does not have is refused in its own words.</summary>
internal static class SandboxRoutes
{
    public static void MapJibit(this RouteGroupBuilder routes)
    {
        routes.MapPost("/v1/tokens/generate", (HttpContext context, JibitSandbox jibit) => jibit.GenerateAsync(context));
        routes.MapPost("/v1/tokens/refresh", (HttpContext context, JibitSandbox jibit) => jibit.RefreshAsync(context));
        routes.MapGet("/v1/balances", (HttpContext context, JibitSandbox jibit) => jibit.BalancesAsync(context));
        routes.Map("/{**rest}", (HttpContext context, JibitSandbox jibit) => jibit.UnknownAsync(context));
    }

    public static void MapFinnotech(this RouteGroupBuilder routes)
    {
        var current = routes.MapGroup("/dev/v2");
        current.MapPost("/oauth2/token", (HttpContext context, FinnotechSandbox finnotech) => finnotech.TokenAsync(context));

        var client = current.MapGroup("/clients/{clientId}");
        client.MapDelete("/token", (HttpContext context, FinnotechClientCalls calls, string clientId) => calls.RevokeAsync(context, clientId));
        client.MapGet("/tokens", (HttpContext context, FinnotechClientCalls calls, string clientId) => calls.ListAsync(context, clientId));

        routes.Map("/dev/{**rest}", (HttpContext context, FinnotechSandbox finnotech) => finnotech.UnknownAsync(context));
    }
}
