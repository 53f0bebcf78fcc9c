using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Api;

/// <summary>Describes what an operation takes beside its body, and the headers that its answers carry.</summary>
internal static class OpenApiParameters
{
    private static readonly Dictionary<string, (JsonSchemaType Type, string Description)> Known = new(StringComparer.Ordinal)
    {
        ["name"] = (JsonSchemaType.String, "The token's name."),
        ["scope"] = (JsonSchemaType.String, "A scope as in the settings; a slash as %2F."),
        ["min_validity"] = (JsonSchemaType.Integer, "The minimum time left in seconds, from 0 to 366 days. Default 0."),
        ["If-None-Match"] = (JsonSchemaType.String, "The ETag of the answer that the client holds; 304 while it is current."),
        ["Idempotency-Key"] = (JsonSchemaType.String, "Chosen by the caller, 1 to 200 characters, kept for a day: a repeated request gets the same answer and does nothing."),
        ["hours"] = (JsonSchemaType.Number, "How far back, more than 0. Default 24."),
        ["provider"] = (JsonSchemaType.String, "Only this provider."),
        ["token"] = (JsonSchemaType.String, "Only this token."),
        ["status"] = (JsonSchemaType.String, $"One of {string.Join(", ", Enum.GetNames<AttemptStatus>().Select(name => name.ToLowerInvariant()))}."),
        ["trigger"] = (JsonSchemaType.String, $"One of {string.Join(", ", Enum.GetValues<RefreshTrigger>().Select(trigger => trigger.Code()))}."),
        ["cursor"] = (JsonSchemaType.Integer | JsonSchemaType.String, "The next_cursor of the previous page."),
        ["state"] = (JsonSchemaType.String, $"One of {string.Join(", ", Enum.GetValues<TokenState>().Select(state => state.Code()))}."),
        ["label"] = (JsonSchemaType.String, "Only tokens with this label, as key:value; may be given several times."),
        ["limit"] = (JsonSchemaType.Integer, "Rows per page, 1 to 1000. Default 100."),
    };

    /// <summary>What the endpoints read from the request themselves.</summary>
    private static readonly Dictionary<string, (string Name, ParameterLocation In)[]> Unbound = new(StringComparer.Ordinal)
    {
        ["GetAccessToken"] = [("min_validity", ParameterLocation.Query), ("If-None-Match", ParameterLocation.Header)],
        ["GetAccessTokenByScope"] = [("min_validity", ParameterLocation.Query), ("If-None-Match", ParameterLocation.Header)],
        ["RefreshTokens"] = [("Idempotency-Key", ParameterLocation.Header)],
    };

    private static readonly Dictionary<string, string> ServedWith = new(StringComparer.Ordinal)
    {
        ["ETag"] = "Identifies the token's version and content (a keyed digest); for If-None-Match.",
        ["Cache-Control"] = "private, with a max-age that ends before the token expires.",
    };

    private static readonly Dictionary<string, string> RetriedAfter = new(StringComparer.Ordinal) { ["Retry-After"] = "When to retry, in seconds." };

    public static Task AddAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        operation.Parameters ??= [];
        foreach (var (name, place) in Unbound.GetValueOrDefault(operation.OperationId!, []))
        {
            operation.Parameters.Add(new OpenApiParameter { Name = name, In = place });
        }

        foreach (var parameter in operation.Parameters.OfType<OpenApiParameter>())
        {
            var (type, description) = Known[parameter.Name!];
            (parameter.Schema, parameter.Description) = (new OpenApiSchema { Type = type }, description);
        }

        foreach (var (status, response) in operation.Responses!)
        {
            var isServed = status is "200" or "304" && operation.Responses.ContainsKey("304");
            (response as OpenApiResponse)!.Headers = (isServed ? ServedWith : status is "429" or "503" ? RetriedAfter : [])
                .ToDictionary(header => header.Key, IOpenApiHeader (header) => new OpenApiHeader { Description = header.Value, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
        }

        return Task.CompletedTask;
    }
}
