using Microsoft.AspNetCore.Http.HttpResults;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>One word for probes, without inventory.</summary>
internal sealed record HealthWord(string Status);

/// <summary>How the whole stands, without inventory.</summary>
/// <param name="Status"><c>fresh</c>, <c>degraded</c>, or why it is neither, in words.</param>
/// <param name="Overall">The stable word: <c>operational</c>, <c>degraded</c>, <c>action_required</c> or <c>outage</c>.</param>
internal sealed record FreshnessWord(string Status, string Overall);

/// <summary>The health endpoints. Requests during an evaluation share its answer: it reads every token's row, and anonymous callers may ask.</summary>
internal sealed class Freshness(DiagnosisReader diagnosis)
{
    private readonly Lock gate = new();
    private Task<SystemDiagnosis>? look;

    /// <summary>The diagnosis as of now, or of a moment ago.</summary>
    public Task<SystemDiagnosis> LookAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            look = look is { IsCompleted: false } ? look : diagnosis.ReadOrOutageAsync(CancellationToken.None);
            return look.WaitAsync(cancellationToken);
        }
    }
}

/// <summary>The probes: is the process there, can it work, are the tokens fresh?</summary>
internal static class HealthEndpoints
{
    public static RouteGroupBuilder MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").AllowAnonymous().ExcludeFromDescription();

        // Some watchers ask for the head alone.
        string[] methods = [HttpMethods.Get, HttpMethods.Head];
        health.MapMethods("/live", methods, Live);
        health.MapMethods("/ready", methods, ReadyAsync);
        health.MapMethods("/fresh", methods, FreshAsync);
        return health;
    }

    private static Ok<HealthWord> Live() => TypedResults.Ok(new HealthWord("live"));

    private static async Task<Results<Ok<HealthWord>, JsonHttpResult<HealthWord>>> ReadyAsync(DatabasePreparation preparation, DatabaseProbe probe, CancellationToken cancellationToken)
    {
        try
        {
            return (await preparation.PendingAsync(cancellationToken)).Count > 0 ? Unavailable("schema is not up to date")
                : await probe.WhyNotAsync(cancellationToken) is { } why ? Unavailable(why)
                : TypedResults.Ok(new HealthWord("ready"));
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return Unavailable("database is unreachable");
        }
    }

    private static async Task<JsonHttpResult<FreshnessWord>> FreshAsync(Freshness freshness, CancellationToken cancellationToken)
    {
        var seen = await freshness.LookAsync(cancellationToken);
        return seen switch
        {
            { IsFresh: false } => Answer(seen.WrongWithoutNames, StatusCodes.Status503ServiceUnavailable),

            // Not a failure, but a caller that waits for tokens must wait for this one, too.
            { AwaitsFirstTokens: true } => Answer("a token is pending", StatusCodes.Status503ServiceUnavailable),
            { Overall: OverallStatus.Degraded } => Answer("degraded", StatusCodes.Status200OK),
            _ => Answer("fresh", StatusCodes.Status200OK),
        };

        JsonHttpResult<FreshnessWord> Answer(string status, int statusCode) => TypedResults.Json(new FreshnessWord(status, seen.Overall.Code()), statusCode: statusCode);
    }

    private static JsonHttpResult<HealthWord> Unavailable(string why) =>
        TypedResults.Json(new HealthWord(why), statusCode: StatusCodes.Status503ServiceUnavailable);
}
