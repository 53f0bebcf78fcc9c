using System.Net;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Limits the sandbox to this machine: other callers get 404.</summary>
internal static class SandboxGuard
{
    public static async ValueTask<object?> OnlyThisMachineAsync(EndpointFilterInvocationContext call, EndpointFilterDelegate next) =>
        IsThisMachine(call.HttpContext) ? await next(call) : Results.NotFound();

    // A page of another site, open in a browser on this machine, comes from loopback too; browsers name that site in Origin.
    public static async ValueTask<object?> NoOtherSiteAsync(EndpointFilterInvocationContext call, EndpointFilterDelegate next)
    {
        var request = call.HttpContext.Request;
        var origin = request.Headers.Origin.ToString();
        return origin.Length == 0 || string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase)
            ? await next(call)
            : Results.Problem(statusCode: StatusCodes.Status403Forbidden, title: "Requests from other sites cannot change the sandbox.");
    }

    private static bool IsThisMachine(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address);
}
