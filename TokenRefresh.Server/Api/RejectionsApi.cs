using System.Text.Json.Serialization;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Server.Api;

/// <summary>A report that an API refused a token.</summary>
internal sealed record RejectedReport([property: JsonRequired] long Version);

/// <summary>Programs tell that a token was refused.</summary>
internal static class RejectionsApi
{
    public static void MapRejections(this RouteGroupBuilder api) => api.MapPost("/tokens/{name}/rejected", RejectAsync)
        .WithName("ReportRejected")
        .WithSummary("The API refused that version: renews it once if it is still current, else does nothing.")
        .Produces(StatusCodes.Status202Accepted);

    private static async Task<IResult> RejectAsync(HttpContext context, string name, RejectedReport report, TokenCache cache)
    {
        var client = context.Client();
        return !client.MayRead(name) ? Problem.Forbidden
            : !client.May(ClientActs.Read) ? Problem.ActNotAllowed(ClientActs.Read)
            : report.Version < 0 ? Problem.BadRequest("version must be the number that came with the token.")
            : await cache.RejectAsync(name, report.Version, client.Key.Actor) ? TypedResults.Accepted((string?)null)
            : Problem.UnknownToken;
    }
}
