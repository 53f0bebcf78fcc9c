using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Server.Api;

/// <summary>An error as programs get it: RFC 9457 problem details with a stable code. The detail never repeats what was sent; <c>~/</c> in it stands for the path below which this server is reached.</summary>
internal sealed record Problem(int Status, string Code, string Title, string Detail, TimeSpan? RetryAfter = null) : IResult
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Problem Unauthorized { get; } = new(
        StatusCodes.Status401Unauthorized, "unauthorized", "No valid client key", "Send 'Authorization: Bearer trk_…' with a key from 'clients add' that is not revoked.");

    public static Problem TooMany(TimeSpan wait) => new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests", "This client exceeds the limits in the Api__ settings.", wait);

    public static Problem Forbidden { get; } = new(
        StatusCodes.Status403Forbidden, "forbidden", "This key is not for this token", "The client key's patterns do not match the token's name.");

    public static Problem ActNotAllowed(string act) => new(
        StatusCodes.Status403Forbidden, "act_not_allowed", "This key may not do that", $"The client key does not have the act '{act}' ('clients add NAME --acts …').");

    /// <summary>Why a change of the catalogue was not made.</summary>
    public static Problem Of(CatalogResult.Refused refused)
    {
        var (status, code, title) = refused.Why switch
        {
            CatalogRefusal.Invalid => (StatusCodes.Status400BadRequest, "invalid_request", "Invalid request"),
            CatalogRefusal.Unknown => (StatusCodes.Status404NotFound, "not_found", "Not found"),
            CatalogRefusal.Taken => (StatusCodes.Status409Conflict, "name_in_use", "The name is in use"),
            CatalogRefusal.Declared => (StatusCodes.Status409Conflict, "declared", "It is declared by the server's settings"),
            CatalogRefusal.Managed => (StatusCodes.Status409Conflict, "managed", "It is managed already"),
            CatalogRefusal.Stale => (StatusCodes.Status412PreconditionFailed, "changed_meanwhile", "It was changed meanwhile"),
            CatalogRefusal.InUse => (StatusCodes.Status409Conflict, "in_use", "It is in use"),
            CatalogRefusal.Unconfirmed => (StatusCodes.Status503ServiceUnavailable, "outcome_unknown", "It is unknown whether the change is stored"),
            CatalogRefusal.RefusedByProvider => (StatusCodes.Status422UnprocessableEntity, "refused_by_provider", "The provider refused it"),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return new(status, code, title, string.Join(" ", refused.Reasons));
    }

    public static Problem UnknownToken { get; } = new(
        StatusCodes.Status404NotFound, "unknown_token", "Token not found", "GET ~/api/tokens lists the tokens of this key.");

    public static Problem UnknownScope { get; } = new(
        StatusCodes.Status404NotFound, "unknown_scope", "No token has this scope", "No token of this key has the scope in its settings (Tokens__NAME__Scopes).");

    public static Problem IdempotencyKeyReused { get; } = new(
        StatusCodes.Status422UnprocessableEntity, "idempotency_key_reused", "The key was used for another request", "Choose a new Idempotency-Key for each request.");

    public static Problem DatabaseAway { get; } = new(
        StatusCodes.Status503ServiceUnavailable, "database_away", "The database is unreachable", "Valid tokens are still served; this call needs the database.", TimeSpan.FromSeconds(5));

    /// <summary>A change was stored, and the database was lost before it could be read back.</summary>
    public static Problem StoredUnread { get; } = DatabaseAway with { Title = "The change is stored; reading it back failed", Detail = "Do not repeat the change. Read it once the database is back." };

    public static Problem TooLarge { get; } = new(
        StatusCodes.Status413PayloadTooLarge, "too_large", "The request is too large", $"At most {RequestBodies.Largest} bytes.");

    public static Problem NotJson { get; } = new(
        StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The body is not JSON", "Send Content-Type: application/json.");

    public static Problem Internal { get; } = new(
        StatusCodes.Status500InternalServerError, "internal", "Internal server error", "The server's log has the details. Please report it.");

    public static Problem AmbiguousScope(IEnumerable<string> tokens) => new(
        StatusCodes.Status409Conflict, "ambiguous_scope", "Several tokens have this scope", $"Request one of them by name: {string.Join(", ", tokens)}.");

    public static Problem NotConfigured(string because) => new(
        StatusCodes.Status409Conflict, ReadingCodes.NotConfigured, "The token is not configured", $"In the server's settings: {because}.");

    public static Problem UnknownProvider(IEnumerable<string> providers) => new(
        StatusCodes.Status404NotFound, "unknown_provider", "Provider not found", $"Providers: {string.Join(", ", providers)}.");

    public static Problem BadRequest(string detail) => new(StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", detail);

    public async Task ExecuteAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        response.ContentType = "application/problem+json";
        response.Headers.CacheControl = "no-store";
        if (Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        await JsonSerializer.SerializeAsync(response.Body, ToJson(context.Request.PathBase), Readable, context.RequestAborted);
    }

    /// <summary>As it is sent.</summary>
    public JsonObject ToJson(PathString prefix = default) => new() { ["type"] = $"urn:tokenrefresh:{Code}", ["title"] = Title, ["status"] = Status, ["detail"] = Detail.Replace("~/", $"{prefix}/", StringComparison.Ordinal), ["code"] = Code };
}
