using Microsoft.AspNetCore.Http.HttpResults;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Hosting;

/// <summary>One word for probes, without inventory.</summary>
internal sealed record HealthWord(string Status);

/// <summary>
/// Are all tokens fresh, and is somebody looking after them? Whoever asks while it is being looked at shares the answer: it takes every token's row,
/// and strangers may ask.
/// </summary>
internal sealed class Freshness(TokenOverview overview, PulseReader pulse, TimeProvider clock)
{
    private readonly Lock gate = new();
    private Task<string?>? look;

    /// <summary>Null where they are, else a phrase that names none.</summary>
    public Task<string?> WhyNotAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            look = look is { IsCompleted: false } ? look : LookAsync();
            return look.WaitAsync(cancellationToken);
        }
    }

    private async Task<string?> LookAsync()
    {
        if ((await overview.ListAsync(null, CancellationToken.None)).Any(token => !token.IsInTime))
        {
            return "a token is not fresh";
        }

        var isSilent = (await pulse.ReadAsync(CancellationToken.None)).Silences(clock.GetUtcNow()).Any(silence => silence.Part == Pulse.Scheduler);
        return isSilent ? "the scheduler is silent" : null;
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

    private static async Task<Results<Ok<HealthWord>, JsonHttpResult<HealthWord>>> FreshAsync(Freshness freshness, CancellationToken cancellationToken)
    {
        try
        {
            return await freshness.WhyNotAsync(cancellationToken) is { } why ? Unavailable(why) : TypedResults.Ok(new HealthWord("fresh"));
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return Unavailable("database is away");
        }
    }

    private static JsonHttpResult<HealthWord> Unavailable(string why) =>
        TypedResults.Json(new HealthWord(why), statusCode: StatusCodes.Status503ServiceUnavailable);
}
