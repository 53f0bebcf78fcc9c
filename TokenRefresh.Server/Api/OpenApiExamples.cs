using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Server.Api;

/// <summary>Gives every operation of the description an example of its answer and of each error, by its stable code.</summary>
internal static class OpenApiExamples
{
    private const string Summary =
        """{"name":"fino_kyc","provider":"finnotech","status":"healthy","state":"healthy","expires_at":"2026-12-03T09:00:00Z","seconds_left":863000,"next_refresh_at":"2026-11-30T01:20:00Z","next_refresh_reason":"scheduled at 67 % of its 10-day lifetime","last_outcome":"refreshed","consecutive_failures":0,"grant":"ClientCredentials","scopes":["oak:iban-inquiry:get"]}""";

    private const string Attempt =
        """{"id":412,"provider":"jibit","token_name":"jibit","status":"success","trigger_type":"due","triggered_by":"schedule","message":"Refreshed; expires 2026-11-24 09:00:00Z.","started_at":"2026-11-23T09:00:00Z","completed_at":"2026-11-23T09:00:00.2Z","duration_ms":204,"error_code":null,"error_details":null,"attempt":1,"job_id":"77","old_expires_at":"2026-11-23T17:00:00Z","new_expires_at":"2026-11-24T09:00:00Z","metadata":{"force_refresh":false}}""";

    private const string Token =
        """{"name":"jibit","access_token":"eyJhbGciOi…","token_type":"Bearer","expires_at":"2026-11-24T09:00:00Z","expires_in":57600,"version":12}""";

    private const string Healthy =
        """{"status":"success","data":{"overall_health":"healthy","healthy_providers":1,"total_providers":1,"providers":{"jibit":{"exists":true,"active":true,"access_token_expired":false,"refresh_token_expired":false,"needs_refresh":false,"expires_at":"2026-11-24T09:00:00Z","refresh_expires_at":"2026-11-25T09:00:00Z","last_used_at":"2026-11-23T10:00:00Z","state":"healthy","status":"healthy"}},"checked_at":"2026-11-23T10:00:05Z","status":"operational","reasons":[],"freshness":{"target":99.99,"window_seconds":2592000,"token":null,"availability":100,"unavailable_seconds":0,"budget_left_seconds":259.2,"burn_rate":0}}}""";

    private const string Unhealthy =
        """{"status":"success","data":{"overall_health":"unhealthy","healthy_providers":0,"total_providers":1,"providers":{"jibit":{"exists":true,"active":true,"access_token_expired":true,"refresh_token_expired":false,"needs_refresh":true,"expires_at":"2026-11-23T09:00:00Z","refresh_expires_at":"2026-11-25T09:00:00Z","last_used_at":"2026-11-23T10:00:00Z","state":"expired","status":"expired"}},"checked_at":"2026-11-23T10:00:05Z","status":"outage","reasons":["jibit: expired"],"freshness":{"target":99.99,"window_seconds":2592000,"token":"jibit","availability":99.861111,"unavailable_seconds":3600,"budget_left_seconds":-3340.8,"burn_rate":10000}}}""";

    private static readonly Problem[] OfEvery = [Problem.BadRequest("What is allowed here."), Problem.Unauthorized, Problem.TooMany(TimeSpan.FromSeconds(1))];
    private static readonly Problem[] OfTheStored = [.. OfEvery, Problem.DatabaseAway, Problem.Internal];
    private static readonly Problem[] OfChanging = [.. OfEvery, Problem.Forbidden, Problem.UnknownToken, Problem.TooLarge, Problem.NotJson, Problem.Internal];

    private static readonly Problem[] OfReading =
    [
        .. OfEvery, Problem.Forbidden,
        .. new[]
        {
            "provider_down", "rate_limited", "invalid_response", "credential_rejected", "configuration", "abandoned", "internal",
            ReadingCodes.NeedsReauthorization, ReadingCodes.Paused, ReadingCodes.NotConfigured, ReadingCodes.NotYet, ReadingCodes.Expired,
        }.Select(code => AccessTokenApi.Unavailable(new(null, code, TimeSpan.FromSeconds(30)))),
    ];

    private const string Definition =
        """{"name":"acme-orders","provider":"acme","origin":"managed","scopes":["orders.read"],"grant":"ClientCredentials","parameters":{},"labels":{"team":"billing"},"subject":"•••4567"}""";

    private const string Provider =
        """{"name":"acme","type":"OAuth2","origin":"managed","enabled":true,"is_configured":true,"settings":{"ClientId":"ours","TokenUrl":"https://login.acme.example/token"},"credentials":[{"setting":"ClientSecret","is_set":true,"last_characters":"x9Qa"}],"version":3,"changed_at":"2026-11-23T10:00:05Z"}""";

    private static readonly Problem[] OfCatalog =
    [
        .. OfChanging, Problem.ActNotAllowed("manage"), Problem.UnknownProvider(["acme", "finnotech", "jibit"]), Problem.DatabaseAway,
        .. new[] { CatalogRefusal.Taken, CatalogRefusal.Declared, CatalogRefusal.Managed, CatalogRefusal.Stale, CatalogRefusal.InUse, CatalogRefusal.RefusedByProvider, CatalogRefusal.Unconfirmed }.Select(why => Problem.Of(new(why, ["What to do."]))),
    ];

    private static readonly Dictionary<string, (string Status, string? Answer, Problem[] Problems)> Operations = new(StringComparer.Ordinal)
    {
        ["GetAccessToken"] = ("200", Token, [.. OfReading, Problem.UnknownToken]),
        ["GetAccessTokenByScope"] = ("200", Token, [.. OfReading, Problem.UnknownScope, Problem.AmbiguousScope(["fino_kyc", "fino_token"])]),
        ["ReportRejected"] = ("202", null, OfChanging),
        ["ListTokens"] = ("200", $"[{Summary}]", OfTheStored),
        ["TokenHealth"] = ("200", Healthy, OfTheStored),
        ["TokensNeedingRefresh"] = ("200", $$$"""{"status":"success","data":{"tokens_needing_refresh":[{{{Summary}}}],"count":1,"checked_at":"2026-11-23T10:00:05Z"}}""", OfTheStored),
        ["RefreshTokens"] = ("202", """{"status":"accepted","data":{"jobs":[{"job_id":"77","tokens":["jibit"]}]}}""",
            [.. OfChanging, Problem.UnknownProvider(["finnotech", "jibit"]), Problem.NotConfigured("set Providers__Jibit__ApiKey"), Problem.IdempotencyKeyReused, Problem.DatabaseAway]),
        ["ListAttempts"] = ("200", $$$"""{"data":[{{{Attempt}}}],"next_cursor":412}""", [.. OfTheStored, Problem.Forbidden]),
        ["AddToken"] = ("201", Definition, OfCatalog),
        ["FindTokens"] = ("200", """{"tokens":["acme-orders"]}""", [.. OfTheStored, Problem.ActNotAllowed("manage"), Problem.TooLarge, Problem.NotJson]),
        ["GetToken"] = ("200", Definition, [.. OfTheStored, Problem.Forbidden, Problem.UnknownToken]),
        ["PutToken"] = ("200", Definition, OfCatalog),
        ["PatchToken"] = ("200", Definition, OfCatalog),
        ["DeleteToken"] = ("204", null, OfCatalog),
        ["ListProviders"] = ("200", $"[{Provider}]", [.. OfTheStored, Problem.Forbidden, Problem.ActNotAllowed("manage")]),
        ["GetProvider"] = ("200", Provider, OfCatalog),
        ["PutProvider"] = ("200", Provider, OfCatalog),
        ["PatchProvider"] = ("200", Provider, OfCatalog),
        ["PromoteProvider"] = ("200", Provider, OfCatalog),
        ["DeleteProvider"] = ("204", null, OfCatalog),
        ["AdoptProvider"] = ("200", Provider, OfCatalog),
        ["TestProvider"] = ("200", """{"issued":false,"code":"credential_rejected","reason":"HTTP 401 invalid_client"}""", OfCatalog),
        ["AttemptStatistics"] = ("200",
            """{"total_attempts":42,"successful_attempts":38,"failed_attempts":2,"skipped_attempts":2,"automatic_attempts":38,"manual_attempts":3,"forced_attempts":1,"success_rate":95.0,"avg_duration_ms":210.4,"p95_duration_ms":480.0}""",
            OfTheStored),
    };

    public static Task AddAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var (status, answer, problems) = Operations[operation.OperationId!];
        operation.Responses ??= [];
        if (answer is not null)
        {
            MediaType(operation.Responses, status, "OK", "application/json").Example = JsonNode.Parse(answer);
        }

        foreach (var problem in problems)
        {
            var media = MediaType(operation.Responses, $"{problem.Status}", problem.Title, "application/problem+json");
            media.Examples ??= new Dictionary<string, IOpenApiExample>();
            media.Examples[problem.Code] = new OpenApiExample { Summary = problem.Title, Value = problem.ToJson() };
        }

        // The one answer that is an error by its status and none by its shape.
        if (operation.OperationId == "TokenHealth")
        {
            MediaType(operation.Responses, "503", "Unhealthy, or the database is unreachable", "application/json").Example = JsonNode.Parse(Unhealthy);
        }

        return Task.CompletedTask;
    }

    public static Task AddSecurityAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new() { Title = "TokenRefresh", Version = "v1", Description = "Valid access tokens of third-party APIs. Every call needs 'Authorization: Bearer <client key>'; every error has a stable code." };

        // Without a host: a request may name any.
        var prefix = context.ApplicationServices.GetRequiredService<IHttpContextAccessor>().HttpContext?.Request.PathBase.ToUriComponent();
        document.Servers = [new() { Url = string.IsNullOrEmpty(prefix) ? "/" : prefix }];
        document.Components ??= new();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes["client key"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A key from 'clients add': trk_…" };
        document.Security = [new() { [new OpenApiSecuritySchemeReference("client key", document)] = [] }];
        return Task.CompletedTask;
    }

    private static OpenApiMediaType MediaType(OpenApiResponses responses, string status, string description, string type)
    {
        if (!responses.TryGetValue(status, out var known) || known is not OpenApiResponse response)
        {
            responses[status] = response = new() { Description = description };
        }

        response.Content ??= new Dictionary<string, OpenApiMediaType>();
        return response.Content.TryGetValue(type, out var media) ? media : response.Content[type] = new();
    }
}
