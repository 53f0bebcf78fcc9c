using Microsoft.AspNetCore.Http.HttpResults;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Hosting;

/// <summary>One word for probes, without inventory.</summary>
internal sealed record HealthWord(string Status);

/// <summary>The probes: is the process there, can it work, are the tokens fresh?</summary>
internal static class HealthEndpoints
{
    public static RouteGroupBuilder MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").AllowAnonymous().ExcludeFromDescription();
        health.MapGet("/live", Live);
        health.MapGet("/ready", ReadyAsync);
        health.MapGet("/fresh", FreshAsync);
        return health;
    }

    private static Ok<HealthWord> Live() => TypedResults.Ok(new HealthWord("live"));

    private static async Task<Results<Ok<HealthWord>, JsonHttpResult<HealthWord>>> ReadyAsync(DatabasePreparation preparation, CancellationToken cancellationToken)
    {
        try
        {
            return (await preparation.PendingAsync(cancellationToken)).Count == 0 ? TypedResults.Ok(new HealthWord("ready")) : Unavailable("schema is not up to date");
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return Unavailable("database is away");
        }
    }

    private static async Task<Results<Ok<HealthWord>, JsonHttpResult<HealthWord>>> FreshAsync(
        TokenOverview overview, PulseReader pulse, TimeProvider clock, CancellationToken cancellationToken)
    {
        try
        {
            if ((await overview.ListAsync(null, cancellationToken)).Any(token => !token.State.IsWell()))
            {
                return Unavailable("a token is not fresh");
            }

            return (await pulse.ReadAsync(cancellationToken)).Silences(clock.GetUtcNow()).Any(silence => silence.Part == Pulse.Scheduler)
                ? Unavailable("the scheduler is silent")
                : TypedResults.Ok(new HealthWord("fresh"));
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return Unavailable("database is away");
        }
    }

    private static JsonHttpResult<HealthWord> Unavailable(string why) =>
        TypedResults.Json(new HealthWord(why), statusCode: StatusCodes.Status503ServiceUnavailable);
}
