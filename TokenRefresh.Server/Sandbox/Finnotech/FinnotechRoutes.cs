namespace TokenRefresh.Server.Sandbox.Finnotech;

/// <summary>Finnotech's addresses. What it does not have is refused in its own words.</summary>
internal static class FinnotechRoutes
{
    public static void MapFinnotech(this RouteGroupBuilder routes)
    {
        routes.MapPost("/oauth2/token", (HttpContext context, FinnotechSandbox finnotech) => finnotech.TokenAsync(context));

        var client = routes.MapGroup("/clients/{clientId}");
        client.MapDelete("/token", (HttpContext context, FinnotechClientCalls calls, string clientId) => calls.RevokeAsync(context, clientId));
        client.MapGet("/tokens", (HttpContext context, FinnotechClientCalls calls, string clientId) => calls.ListAsync(context, clientId));

        routes.Map("/{**rest}", (HttpContext context, FinnotechSandbox finnotech) => finnotech.UnknownAsync(context));
    }
}
