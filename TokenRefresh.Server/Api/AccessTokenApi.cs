using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Primitives;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Api;

/// <summary>What a program gets: a bearer token that is valid now.</summary>
/// <param name="ExpiresIn">Seconds left when it was sent.</param>
/// <param name="StaleReason">Only where the token should have been renewed by now and was not: why.</param>
internal sealed record AccessTokenAnswer(string Name, string AccessToken, string TokenType, DateTimeOffset ExpiresAt, long ExpiresIn, long Version, string? StaleReason = null);

/// <summary>Marks endpoints that check the key themselves and need nothing of what stands before the others.</summary>
internal sealed class SelfGuarded;

/// <summary>The call that programs make a thousand times a second. Its parts are held, because resolving them would make a scope for each request.</summary>
internal sealed class AccessTokenApi(ClientAccess access, TokensByScope scopes, TokenCache cache, ReadCounters counters, TokenMetrics metrics, TimeProvider clock)
{
    /// <summary>The longest life that can be asked for; no provider's token lives longer.</summary>
    private static readonly int LongestValidity = (int)IssuedToken.LongestLife.TotalSeconds;

    /// <summary>An answer is kept by caches no longer than this, so that a renewed token is seen soon.</summary>
    private const int LongestMaxAge = 60;

    private static readonly string[] CacheControls = [.. Enumerable.Range(0, LongestMaxAge + 1).Select(seconds => $"private, max-age={seconds}")];

    public static void Map(RouteGroupBuilder api, IServiceProvider services)
    {
        // Made at the first request: when routes are mapped, the database has not been started yet.
        var held = new Lazy<AccessTokenApi>(services.GetRequiredService<AccessTokenApi>);
        api.WithMetadata(new SelfGuarded());
        api.MapGet("/tokens/{name}/access-token", (HttpContext context, string name) => held.Value.GetAsync(context, name))
            .WithName("GetAccessToken")
            .WithSummary("A valid bearer token. Waits up to 10 s for a refresh if less than min_validity seconds are left.")
            .Produces<AccessTokenAnswer>()
            .Produces(StatusCodes.Status304NotModified);
        api.MapGet("/tokens/by-scope/{scope}/access-token", (HttpContext context, string scope) => held.Value.GetByScopeAsync(context, scope))
            .WithName("GetAccessTokenByScope")
            .WithSummary("As GetAccessToken, for the one token whose configured scopes contain the scope.")
            .Produces<AccessTokenAnswer>()
            .Produces(StatusCodes.Status304NotModified);
    }

    internal Task GetAsync(HttpContext context, string name)
    {
        var (client, problem) = access.Enter(context, changes: false);
        return client is null ? problem!.ExecuteAsync(context) : ServeAsync(context, client, name);
    }

    private async Task GetByScopeAsync(HttpContext context, string scope)
    {
        var (client, problem) = access.Enter(context, changes: false);
        if (client is null)
        {
            await problem!.ExecuteAsync(context);
            return;
        }

        // The server leaves a slash encoded in a path, and many authorization servers' scopes are addresses.
        scope = scope.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var fitting = (await scopes.NamesAsync(scope, context.RequestAborted)).Where(client.MayRead).ToList();
        await (fitting switch
        {
            [var one] => ServeAsync(context, client, one),
            [] => Problem.UnknownScope.ExecuteAsync(context),
            _ => Problem.AmbiguousScope(fitting).ExecuteAsync(context),
        });
    }

    private async Task ServeAsync(HttpContext context, Client client, string name)
    {
        if (!client.MayRead(name) || !client.May(ClientActs.Read))
        {
            await (client.MayRead(name) ? Problem.ActNotAllowed(ClientActs.Read) : Problem.Forbidden).ExecuteAsync(context);
            return;
        }

        if (!TryMinValidity(context.Request, out var minValidity))
        {
            await Problem.BadRequest($"min_validity must be a whole number of seconds from 0 to {LongestValidity}.").ExecuteAsync(context);
            return;
        }

        if (await cache.ReadAsync(name, minValidity, context.RequestAborted) is not { } reading)
        {
            await Problem.UnknownToken.ExecuteAsync(context);
            return;
        }

        // Looked at again, because it is the moment of sending that counts.
        if (reading.Entry is not { } entry || entry.ExpiresAt - clock.GetUtcNow() is not { } left || left <= TimeSpan.Zero)
        {
            reading = reading.IsServed ? new(null, ReadingCodes.Expired, TimeSpan.Zero) : reading;
            metrics.Read("unavailable", reading.Code);
            counters.AddRefused(client.Key.Id, client.Key.Name, name);
            await Unavailable(reading).ExecuteAsync(context);
            return;
        }

        metrics.Read(reading.Code is null ? "served" : "stale", reading.Code);
        counters.Add(client.Key.Id, client.Key.Name, entry.Name);
        await WriteAsync(context, entry, (long)left.TotalSeconds, reading.Code);
    }

    private static Task WriteAsync(HttpContext context, CachedToken entry, long left, string? staleReason)
    {
        var answer = PreparedAnswer.Of(entry);
        var response = context.Response;
        response.Headers.ETag = answer.ETag;
        response.Headers.CacheControl = CacheControls[staleReason is null ? Math.Clamp(left / 2, 0, LongestMaxAge) : 0];
        if (context.Request.Headers.IfNoneMatch is { Count: > 0 } known && IsAmong(known, answer.ETag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = "application/json";
        var body = response.BodyWriter;
        var stale = staleReason is null ? "" : $",\"stale_reason\":\"{staleReason}\"";
        var span = body.GetSpan(answer.Head.Length + answer.Tail.Length + stale.Length + 32);
        answer.Head.Span.CopyTo(span);
        var at = answer.Head.Length;
        Utf8Formatter.TryFormat(left, span[at..], out var digits);
        at += digits;
        answer.Tail.Span.CopyTo(span[at..]);
        at += answer.Tail.Length;
        at += Encoding.ASCII.GetBytes(stale, span[at..]);
        span[at++] = (byte)'}';
        response.ContentLength = at;
        body.Advance(at);
        return body.FlushAsync(context.RequestAborted).AsTask();
    }

    // A list in one header or in several, weak where a proxy has packed an answer (RFC 9110, section 13.1.2).
    private static bool IsAmong(StringValues known, string tag) =>
        known.Contains(tag) || known.Any(header => header is not null && header.Split(',', StringSplitOptions.TrimEntries).Any(one => one == "*" || one == tag || (one.StartsWith("W/", StringComparison.Ordinal) && one[2..] == tag)));

    internal static Problem Unavailable(TokenReading reading) => new(
        StatusCodes.Status503ServiceUnavailable,
        reading.Code!,
        "No valid token",
        reading.Code switch
        {
            ReadingCodes.NotConfigured => "The token's provider has no credentials in the server's settings.",
            ReadingCodes.Paused => "The token is paused and has expired. An operator must resume it.",
            ReadingCodes.NeedsReauthorization => "Only a person can start this grant again and import it.",
            ReadingCodes.NotYet => "The token is being obtained for the first time.",
            ReadingCodes.NotLoaded => "The database is unreachable, and this node does not hold the token in memory.",
            ReadingCodes.Expired => "The token has expired and its renewal has not completed yet.",
            "credential_rejected" or "configuration" => "The provider refuses the server's settings. An operator must change them.",
            _ => "The last refresh failed and the token has expired. The server keeps retrying.",
        },
        reading.RetryAfter);

    private static bool TryMinValidity(HttpRequest request, out TimeSpan validity)
    {
        validity = TimeSpan.Zero;
        if (!request.QueryString.HasValue || !request.Query.TryGetValue("min_validity", out var text) || text is [null or ""])
        {
            return true;
        }

        if (text.Count != 1 || !int.TryParse(text[0], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > LongestValidity)
        {
            return false;
        }

        validity = TimeSpan.FromSeconds(seconds);
        return true;
    }
}
