using System.Net;
using System.Text;
using System.Text.Json;

namespace TokenRefresh.Providers;

/// <summary>Reads answers: strictly what is needed of them, and nothing else of them; complaints name fields and shapes, never values.</summary>
internal static class ProviderJson
{
    // Members that nobody reads may come twice.
    private static readonly JsonDocumentOptions Lenient = new() { AllowDuplicateProperties = true };

    // They may also be as deep as the size limit lets them; the reader does not recurse.
    private static readonly JsonReaderOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    /// <summary>What lies deeper is read by nothing. The parser's own limit is one more.</summary>
    private const int DeepestRead = 63;

    /// <summary>The answer's object; of a form, as some token endpoints answer, the fields as text.</summary>
    /// <exception cref="InvalidAnswerException">It is neither a JSON object nor a form.</exception>
    public static JsonElement Object(byte[] body)
    {
        if (body.AsSpan().Trim(" \t\r\n"u8).IsEmpty)
        {
            throw new InvalidAnswerException("the answer is empty");
        }

        try
        {
            using var document = JsonDocument.Parse(WithoutDepths(body), Lenient);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new InvalidAnswerException($"the answer is {Words(document.RootElement.ValueKind)} instead of an object");
        }
        catch (JsonException)
        {
            return Form(body) ?? throw new InvalidAnswerException(body.AsSpan().TrimStart(" \t\r\n"u8)[0] == (byte)'<' ? "the answer is HTML or XML" : "the answer is not valid JSON");
        }
    }

    /// <summary>The answer's object, or null where it is none: for errors, which may come from anywhere on the way.</summary>
    public static JsonElement? ObjectOrNull(byte[] body)
    {
        try
        {
            return Object(body);
        }
        catch (InvalidAnswerException)
        {
            return null;
        }
    }

    /// <summary>A token: text, not blank, without white space or control characters, of a sane length.</summary>
    public static string Secret(JsonElement parent, string field) =>
        OptionalSecret(parent, field) ?? throw new InvalidAnswerException($"{field} is missing");

    /// <summary>As <see cref="Secret"/>, or null where the field is absent or null.</summary>
    public static string? OptionalSecret(JsonElement parent, string field)
    {
        if (Only(parent, field) is not { } value || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind != JsonValueKind.String ? throw new InvalidAnswerException($"{field} is {Words(value.ValueKind)} instead of text")
            : TextOrNull(value) switch
            {
                null => throw new InvalidAnswerException($"{field} is not valid Unicode"),
                { Length: 0 } => throw new InvalidAnswerException($"{field} is empty"),
                { Length: > IssuedToken.LongestSecret } => throw new InvalidAnswerException($"{field} is longer than {IssuedToken.LongestSecret} characters"),
                var text when text.Any(sign => sign is <= ' ' or > '~') => throw new InvalidAnswerException($"{field} contains white space or characters that are not allowed in a header"),
                var text => text,
            };
    }

    /// <summary>A member that may not be ambiguous; null where it is absent.</summary>
    /// <exception cref="InvalidAnswerException">It comes more than once, and not with the same value.</exception>
    public static JsonElement? Only(JsonElement parent, string field)
    {
        JsonElement? found = null;
        foreach (var member in parent.EnumerateObject().Where(member => member.NameEquals(field)))
        {
            found = found is { } first && !JsonElement.DeepEquals(first, member.Value)
                ? throw new InvalidAnswerException($"{field} appears twice with different values")
                : member.Value;
        }

        return found;
    }

    /// <summary>Text, or null where the field is absent or not readable as text.</summary>
    public static string? TextOrNull(JsonElement parent, string field) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(field, out var value) ? TextOrNull(value) : null;

    /// <summary>Text, or null for anything else. Half a surrogate pair is valid JSON but no text.</summary>
    public static string? TextOrNull(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A member's name, however it is written: <c>error_code</c>, <c>errorCode</c> and <c>ErrorCode</c> are one. Empty where it is no text.</summary>
    public static string NameOf(JsonProperty member)
    {
        try
        {
            return string.Concat(member.Name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        }
        catch (InvalidOperationException)
        {
            return "";
        }
    }

    /// <summary>The member of that name, else one that is only written otherwise; null where there is none, or it is null.</summary>
    public static JsonProperty? Member(JsonElement parent, string name)
    {
        var alike = string.Concat(name.Where(char.IsAsciiLetterOrDigit));
        JsonProperty? found = null;
        foreach (var member in parent.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Null && NameOf(member) == alike && (found is null || member.NameEquals(name)))
            {
                found = member;
            }
        }

        return found;
    }

    /// <summary>At most so many printable characters of a provider's own word; anything else in it becomes '?'.</summary>
    public static string Printable(string text, int most)
    {
        var shown = new StringBuilder();
        foreach (var sign in text.AsSpan(0, Math.Min(text.Length, most)))
        {
            shown.Append(sign is >= ' ' and <= '~' ? sign : '?');
        }

        return shown.ToString();
    }

    // The parser looks for the beginning of each bracket from its end, which takes a minute for a hundred thousand of them: those that are too deep to be read become null.
    private static ReadOnlyMemory<byte> WithoutDepths(byte[] body)
    {
        if (body.AsSpan().Count((byte)'[') + body.AsSpan().Count((byte)'{') <= DeepestRead)
        {
            return body;
        }

        using var kept = new MemoryStream();
        var reader = new Utf8JsonReader(body, AnyDepth);
        var copied = 0;
        while (reader.Read())
        {
            if (reader.CurrentDepth == DeepestRead && reader.TokenType is (JsonTokenType.StartArray or JsonTokenType.StartObject))
            {
                kept.Write(body.AsSpan(copied, (int)reader.TokenStartIndex - copied));
                kept.Write("null"u8);
                reader.Skip();
                copied = (int)reader.BytesConsumed;
            }
        }

        kept.Write(body.AsSpan(copied));
        return kept.ToArray();
    }

    // Pairs without blanks and nothing else: no page, no sentence, no JSON that broke off.
    private static JsonElement? Form(byte[] body)
    {
        var text = Encoding.UTF8.GetString(body).Trim();
        var pairs = text.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToList();
        if (text.Any(character => char.IsWhiteSpace(character) || character is '<' or '{') || pairs.Count == 0 || pairs.Any(pair => pair.Length < 2 || pair[0].Length == 0))
        {
            return null;
        }

        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, new() { SkipValidation = true }))
        {
            writer.WriteStartObject();
            foreach (var pair in pairs)
            {
                writer.WriteString(WebUtility.UrlDecode(pair[0]), WebUtility.UrlDecode(pair[1]));
            }

            writer.WriteEndObject();
        }

        return JsonElement.Parse(json.ToArray());
    }

    public static string Words(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Array => "an array",
        JsonValueKind.Null => "null",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Object => "an object",
        _ => "true or false",
    };
}
