using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Api;

/// <summary>What to refresh; everything may be left out.</summary>
internal sealed record RefreshOrder(string? Provider = null, string? Token = null, bool? Force = false);

/// <summary>One token as programs see it. No secrets.</summary>
/// <param name="Status">The stable word; <paramref name="State"/> is the same for people.</param>
internal sealed record TokenSummary(
    string Name, string Provider, string Status, string State, DateTimeOffset? ExpiresAt, long? SecondsLeft, DateTimeOffset? NextRefreshAt, string NextRefreshReason,
    string LastOutcome, int ConsecutiveFailures, string Grant, IReadOnlyList<string> Scopes)
{
    public static TokenSummary Of(TokenView view) => new(
        view.Name, view.Settings.Provider.Name, view.State.Code(), view.State.InWords(), view.Stored?.ExpiresAt, (long?)view.TimeLeft?.TotalSeconds, view.NextRefreshAt, view.NextRefreshReason,
        view.LastOutcome, view.Stored?.ConsecutiveFailures ?? 0, view.Settings.Order.Grant.ToString(), view.Settings.Order.Scopes);
}

/// <summary>One token in the health answer.</summary>
internal sealed record TokenHealthAnswer(
    bool Exists, bool Active, bool AccessTokenExpired, bool RefreshTokenExpired, bool NeedsRefresh, DateTimeOffset? ExpiresAt, DateTimeOffset? RefreshExpiresAt, DateTimeOffset? LastUsedAt, string State, string Status);

/// <summary>The freshness objective, and how the token that had no valid value for the longest time stands to it.</summary>
/// <param name="Target">In percent of the window.</param>
/// <param name="Token">Null where every token always had a valid value.</param>
/// <param name="Availability">In percent.</param>
/// <param name="BudgetLeftSeconds">Negative once the objective is missed.</param>
/// <param name="BurnRate">How many times faster than the objective allows the last hour took from the budget.</param>
internal sealed record FreshnessAnswer(double Target, long WindowSeconds, string? Token, double Availability, double UnavailableSeconds, double BudgetLeftSeconds, double BurnRate)
{
    public static FreshnessAnswer Of(SystemDiagnosis health)
    {
        var freshness = health.Freshness;
        var worst = freshness.Worst ?? new("", TimeSpan.Zero, TimeSpan.Zero);
        return new(
            freshness.Target, (long)freshness.Window.TotalSeconds, freshness.Worst?.Token, Math.Round(freshness.Availability(worst), 6), worst.Unavailable.TotalSeconds,
            freshness.Left(worst).TotalSeconds, Math.Round(freshness.BurnRate(worst), 2));
    }
}

/// <summary>The inventory, its health, and refreshes.</summary>
internal static class TokensApi
{
    private const int LongestIdempotencyKey = 200;

    public static void MapTokens(this RouteGroupBuilder api)
    {
        api.MapGet("/tokens/health", HealthAsync).WithName("TokenHealth").WithSummary("Healthy, partial or unhealthy; 503 when unhealthy.");
        api.MapGet("/tokens/needs-refresh", NeedsRefreshAsync).WithName("TokensNeedingRefresh").WithSummary("The tokens that are due or need a person.");
        api.MapPost("/tokens/refresh", RefreshAsync).WithName("RefreshTokens")
            .WithSummary("Enqueues refreshes and returns the job ids. Repeating a request with the same Idempotency-Key has no effect.")
            .Produces(StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> HealthAsync(HttpContext context, DiagnosisReader diagnosis, CancellationToken cancellationToken)
    {
        var health = await MineAsync(context, diagnosis, cancellationToken);
        var now = health.AsOf;
        var answer = new
        {
            status = "success",
            data = new
            {
                overall_health = health.Overall.SeedCode(),
                healthy_providers = health.Counts.CountedWell,
                total_providers = health.Counts.Counted,
                providers = health.Tokens.ToDictionary(view => view.Name, view => new TokenHealthAnswer(
                    view.Stored?.AccessToken is not null, view.Stored?.IsActive == true, view.Stored?.ExpiresAt <= now, view.Stored?.RefreshExpiresAt <= now,
                    view.NeedsRefresh, view.Stored?.ExpiresAt, view.Stored?.RefreshExpiresAt, view.Stored?.LastUsedAt, view.State.InWords(), view.State.Code())),
                checked_at = now,
                status = health.Overall.Code(),
                reasons = health.Wrong.Select(reason => $"{reason}"),
                freshness = FreshnessAnswer.Of(health),
            },
        };
        return TypedResults.Json(answer, statusCode: health.Overall == OverallStatus.Outage ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    private static async Task<IResult> NeedsRefreshAsync(HttpContext context, DiagnosisReader diagnosis, CancellationToken cancellationToken)
    {
        var health = await MineAsync(context, diagnosis, cancellationToken);
        var due = health.Tokens.Where(view => view.NeedsRefresh).Select(TokenSummary.Of).ToList();
        return TypedResults.Ok(new { status = "success", data = new { tokens_needing_refresh = due, count = due.Count, checked_at = health.AsOf } });
    }

    private static async Task<IResult> RefreshAsync(
        HttpContext context, RefreshOrder? order, TokenFinder tokens, ITokenProviders providers, RefreshQueue queue, AuditTrail audit, RepeatedRequests repeated, CancellationToken cancellationToken)
    {
        var client = context.Client();
        if (!client.May(ClientActs.Refresh))
        {
            return Problem.ActNotAllowed(ClientActs.Refresh);
        }

        order ??= new();
        if (order.Provider is { } provider && providers.Find(provider) is null)
        {
            return Problem.UnknownProvider(providers.All.Select(known => known.Name));
        }

        var token = order.Token is null || !client.MayRead(order.Token) ? null : await tokens.FindAsync(order.Token, cancellationToken);
        if (order.Token is { } name && (client.MayRead(name) ? token is null ? Problem.UnknownToken : null : Problem.Forbidden) is { } problem)
        {
            return problem;
        }

        if (token is not null && order.Provider is { } its && token.Provider != providers.Find(its))
        {
            return Problem.BadRequest("The token belongs to another provider.");
        }

        if (token?.NotConfiguredBecause is { } missing)
        {
            return Problem.NotConfigured(missing);
        }

        return await repeated.AnswerAsync(context, client, JsonSerializer.Serialize(order), EnqueueAsync, cancellationToken);

        async Task<object> EnqueueAsync(TokenRefreshDbContext db)
        {
            var asked = new TokenNameFilter([.. providers.All.Where(each => each.IsCallable && (order.Provider is null || each == providers.Find(order.Provider))).Select(each => each.Name)], client.Tokens);
            var names = new List<string>(token is null ? [] : [token.Name]);
            await foreach (var some in token is null ? tokens.AllAsync(asked, CancellationToken.None) : AsyncEnumerable.Empty<IReadOnlyList<string>>())
            {
                names.AddRange(some);
            }

            var jobs = queue.Enqueue(names, order.Force == true ? RefreshTrigger.Forced : RefreshTrigger.Manual, client.Key.Actor);
            audit.AddRefreshes(db, client.Key.Actor, order.Force == true, jobs);
            return new { status = "accepted", data = new { jobs = jobs.Select(job => new { job_id = job.JobId, tokens = job.Tokens }) } };
        }
    }

    private static Task<SystemDiagnosis> MineAsync(HttpContext context, DiagnosisReader diagnosis, CancellationToken cancellationToken) =>
        diagnosis.ReadAsync(cancellationToken, context.Client().Tokens is { IsEverything: false } some ? new(Patterns: some) : null);

    /// <summary>Answers a repeated request as the first time. What was done is written down with the answer, on one connection and whether or not the program still waits.</summary>
    internal sealed class RepeatedRequests(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
    {
        private static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);

        public async Task<IResult> AnswerAsync(HttpContext context, Client client, string request, Func<TokenRefreshDbContext, Task<object>> act, CancellationToken cancellationToken)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            if (!context.Request.Headers.TryGetValue("Idempotency-Key", out var chosen))
            {
                var done = await act(db);
                await db.SaveChangesAsync(CancellationToken.None);
                return TypedResults.Accepted((string?)null, done);
            }

            if (chosen is not [{ Length: > 0 and <= LongestIdempotencyKey } key])
            {
                return Problem.BadRequest($"Idempotency-Key must be one value of 1 to {LongestIdempotencyKey} characters.");
            }

            var now = clock.GetUtcNow();
            var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request)));
            var id = $"{client.Key.Id}:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}";
            await db.RepeatedRequests.Where(old => old.CreatedAt < now - KeptFor).ExecuteDeleteAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

            // The row is the lock: of two requests at once the second waits here for the first one's answer.
            var isFirst = await db.Database.ExecuteSqlAsync(
                $"INSERT INTO repeated_requests (key, request_digest, answer, created_at) VALUES ({id}, {digest}, '', {now}) ON CONFLICT (key) DO NOTHING", cancellationToken) == 1;
            var stored = await db.RepeatedRequests.AsNoTracking().SingleAsync(row => row.Key == id, cancellationToken);
            if (stored.RequestDigest != digest)
            {
                return Problem.IdempotencyKeyReused;
            }

            var answer = isFirst ? JsonSerializer.Serialize(await act(db)) : stored.Answer;
            await db.SaveChangesAsync(CancellationToken.None);
            await db.RepeatedRequests.Where(row => row.Key == id).ExecuteUpdateAsync(row => row.SetProperty(request => request.Answer, answer), CancellationToken.None);
            await transaction.CommitAsync(CancellationToken.None);
            return TypedResults.Text(answer, "application/json", Encoding.UTF8, StatusCodes.Status202Accepted);
        }
    }
}
