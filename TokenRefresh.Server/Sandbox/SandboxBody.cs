using System.Text.Json;

namespace TokenRefresh.Server.Sandbox;

/// <summary>A request's JSON object whose documented fields are all text. A null counts as blank.</summary>
/// <param name="Fields">Empty when the body is unreadable.</param>
/// <param name="Problem">Why the body is unreadable; null when it is not.</param>
internal sealed record SandboxBody(IReadOnlyDictionary<string, string> Fields, string? Problem)
{
    /// <summary>Larger than any documented request by far.</summary>
    public const int MostBytes = 64 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    public string? this[string field] => Fields.GetValueOrDefault(field);

    public override string ToString() => $"{nameof(SandboxBody)} {{ {string.Join(", ", Fields.Keys)} }}";

    public static async Task<SandboxBody> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType())
        {
            return Unreadable("Content-Type must be application/json");
        }

        // As behind WSGI or FastCGI, where a chunked body is an empty one.
        if (request.ContentLength is null)
        {
            return Unreadable("body is empty: Content-Length is missing");
        }

        try
        {
            using var document = await ParseAsync(request, cancellationToken);
            return document.RootElement.ValueKind is JsonValueKind.Object
                ? Read(document.RootElement)
                : Unreadable("body must be a JSON object");
        }
        catch (JsonException)
        {
            return Unreadable("body is not valid JSON");
        }
    }

    /// <summary>The body as JSON, without regard to its declared type.</summary>
    /// <exception cref="JsonException">It is not JSON, too deep, too large, or names a field twice.</exception>
    public static async Task<JsonDocument> ParseAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var bytes = new byte[MostBytes + 1];
        var length = await request.Body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        if (length > MostBytes)
        {
            throw new JsonException("The body is too large.");
        }

        try
        {
            return Decodable(JsonDocument.Parse(bytes.AsMemory(0, length), Strict));
        }
        catch (InvalidOperationException error)
        {
            throw new JsonException("The body is not valid UTF-8.", error);
        }
    }

    // The parser leaves the decoding of text to its reader, who would find broken UTF-8 and half surrogates too late.
    private static JsonDocument Decodable(JsonDocument document)
    {
        if (document.RootElement.ValueKind is JsonValueKind.Object)
        {
            foreach (var property in document.RootElement.EnumerateObject().Where(property => property.Value.ValueKind is JsonValueKind.String))
            {
                _ = (property.Name, property.Value.GetString());
            }
        }

        return document;
    }

    private static SandboxBody Read(JsonElement json)
    {
        var fields = new Dictionary<string, string>();
        foreach (var property in json.EnumerateObject())
        {
            if (property.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Null))
            {
                return Unreadable($"{property.Name} must be a string");
            }

            fields[property.Name] = property.Value.GetString() ?? "";
        }

        return new(fields, Problem: null);
    }

    private static SandboxBody Unreadable(string problem) => new(new Dictionary<string, string>(), problem);
}
