using System.Globalization;
using System.Text.Json;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Api;

/// <summary>One attempt as programs see it.</summary>
internal sealed record AttemptAnswer(
    long Id, string Provider, string TokenName, string Status, string TriggerType, string TriggeredBy, string Message, DateTimeOffset StartedAt, DateTimeOffset? CompletedAt,
    long? DurationMs, string? ErrorCode, string? ErrorDetails, int Attempt, string? JobId, DateTimeOffset? OldExpiresAt, DateTimeOffset? NewExpiresAt, JsonElement Metadata)
{
    public static AttemptAnswer Of(RefreshAttempt row) => new(
        row.Id, row.Provider, row.TokenName, row.Status.ToString().ToLowerInvariant(), row.TriggerType.Code(), row.TriggeredBy, row.Message, row.StartedAt, row.CompletedAt,
        row.DurationMs, row.ErrorCode, row.ErrorDetails, row.Attempt, row.JobId, row.OldExpiresAt, row.NewExpiresAt, JsonDocument.Parse(row.Metadata).RootElement);
}

/// <summary>The log and its figures.</summary>
internal static class LogsApi
{
    private const double LongestHours = 10 * 366 * 24;
    private const int MostRows = 1000;
    private const int LongestName = 64;

    public static void MapLogs(this RouteGroupBuilder api)
    {
        api.MapGet("/token-refresh-logs", ListAsync).WithName("ListAttempts").WithSummary("Attempts for the tokens of this key, newest first; next_cursor is the cursor of the next page.");
        api.MapGet("/token-refresh-logs/statistics", StatisticsAsync).WithName("AttemptStatistics").WithSummary("Counts, success rate and durations. Skipped attempts are not failures.");
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, AttemptLog log, TokenFinder tokens, ITokenProviders providers, TimeProvider clock, CancellationToken cancellationToken,
        string? hours = null, string? provider = null, string? token = null, string? status = null, string? trigger = null, string? cursor = null, string? limit = null)
    {
        (hours, provider, token, status, trigger, cursor, limit) = (Given(hours), Given(provider), Given(token), Given(status), Given(trigger), Given(cursor), Given(limit));
        var client = context.Client();
        if (token is not null && !client.MayRead(token))
        {
            return Problem.Forbidden;
        }

        // Of any name that the key may read, because the log outlives the settings.
        if (token is not null && (token.Length > LongestName || token.Any(char.IsControl)))
        {
            return Problem.BadRequest($"token must be a name of 1 to {LongestName} characters.");
        }

        if (Hours(hours) is not { } back)
        {
            return Problem.BadRequest($"hours must be greater than 0 and at most {LongestHours}.");
        }

        if (Number(limit, 100) is not (>= 1 and <= MostRows and var count) || Number(cursor, long.MaxValue) is not (> 0 and var before))
        {
            return Problem.BadRequest($"limit must be 1 to {MostRows}; cursor must be the next_cursor of an answer.");
        }

        if ((status is not null && !Enum.GetNames<AttemptStatus>().Contains(status, StringComparer.OrdinalIgnoreCase))
            || (trigger is not null && RefreshTriggers.Parse(trigger) is null)
            || (provider is not null && providers.Find(provider) is null))
        {
            return Problem.BadRequest("status must be running, success, failed or skipped; trigger must be automatic, manual, forced, due, backup, on_demand or rejected; provider must be configured.");
        }

        var rows = await log.RecentAsync(
            new()
            {
                Since = clock.GetUtcNow() - back,
                Provider = provider?.ToLowerInvariant(),
                Token = token,
                Tokens = token is null ? await NamesAsync(client, tokens, cancellationToken) : null,
                Status = status is null ? null : Enum.Parse<AttemptStatus>(status, ignoreCase: true),
                Trigger = trigger is null ? null : RefreshTriggers.Parse(trigger),
            },
            (int)count, before, cancellationToken);
        return TypedResults.Ok(new { data = rows.Select(AttemptAnswer.Of), next_cursor = rows.Count == count ? rows[^1].Id : (long?)null });
    }

    private static async Task<IResult> StatisticsAsync(
        HttpContext context, AttemptLog log, TokenFinder tokens, ITokenProviders providers, TimeProvider clock, CancellationToken cancellationToken, string? hours = null, string? provider = null)
    {
        (hours, provider) = (Given(hours), Given(provider));
        if (Hours(hours) is not { } back || (provider is not null && providers.Find(provider) is null))
        {
            return Problem.BadRequest($"hours must be greater than 0 and at most {LongestHours}; provider must be configured.");
        }

        return TypedResults.Ok(await log.StatisticsAsync(provider?.ToLowerInvariant(), clock.GetUtcNow() - back, cancellationToken, await NamesAsync(context.Client(), tokens, cancellationToken)));
    }

    // Null for all: a key for everything sees the rows of removed tokens, too.
    private static async Task<IReadOnlyCollection<string>?> NamesAsync(Jobs.Administration.Client client, TokenFinder tokens, CancellationToken cancellationToken)
    {
        if (client.Tokens.IsEverything)
        {
            return null;
        }

        var names = new List<string>();
        await foreach (var some in tokens.AllAsync(new(Patterns: client.Tokens), cancellationToken))
        {
            names.AddRange(some);
        }

        return names;
    }

    // A form sends what was left blank, too.
    private static string? Given(string? text) => text is { Length: > 0 } ? text : null;

    private static TimeSpan? Hours(string? text) =>
        text is null ? TimeSpan.FromHours(24)
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var hours) && hours is > 0 and <= LongestHours ? TimeSpan.FromHours(hours)
        : null;

    private static long? Number(string? text, long otherwise) =>
        text is null ? otherwise : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
