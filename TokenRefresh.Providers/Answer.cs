using System.Text;
using System.Text.Json;

namespace TokenRefresh.Providers;

/// <summary>Reads answers strictly; complaints name fields and shapes, never values.</summary>
internal static class Answer
{
    /// <summary>Longer than any token of the providers, by far.</summary>
    public const int LongestSecret = 16 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    /// <summary>The answer's object.</summary>
    /// <exception cref="InvalidAnswerException">It is not a JSON object.</exception>
    public static JsonElement Object(byte[] body)
    {
        if (body.AsSpan().Trim(" \t\r\n"u8).IsEmpty)
        {
            throw new InvalidAnswerException("the answer is empty");
        }

        try
        {
            using var document = JsonDocument.Parse(body, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new InvalidAnswerException($"the answer is {Words(document.RootElement.ValueKind)} instead of an object");
        }
        catch (JsonException)
        {
            throw new InvalidAnswerException(body.AsSpan().TrimStart(" \t\r\n"u8)[0] == (byte)'<' ? "the answer is HTML or XML" : "the answer is not valid JSON");
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
        if (!parent.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind != JsonValueKind.String ? throw new InvalidAnswerException($"{field} is {Words(value.ValueKind)} instead of text")
            : TextOrNull(value) switch
            {
                null => throw new InvalidAnswerException($"{field} is not valid Unicode"),
                { Length: 0 } => throw new InvalidAnswerException($"{field} is blank"),
                { Length: > LongestSecret } => throw new InvalidAnswerException($"{field} is longer than {LongestSecret} characters"),
                var text when text.Any(sign => sign is <= ' ' or > '~') => throw new InvalidAnswerException($"{field} holds white space or characters that no header can carry"),
                var text => text,
            };
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
