using System.Text;
using System.Text.Json;
using TokenRefresh.Providers.OAuth2;

namespace TokenRefresh.Providers;

/// <summary>A token answer as a person brings it: as the token endpoint gave it, or written by hand. Holds secrets, so it never prints them.</summary>
/// <param name="AccessToken">Null where it is missing.</param>
/// <param name="ExpiresAt">The earliest end that is stated beside the token; null where none is.</param>
public sealed record PastedAnswer(string? AccessToken, string? RefreshToken, DateTimeOffset? ExpiresAt, DateTimeOffset? RefreshExpiresAt)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    /// <summary>What was odd, and how it was read.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Reads a JSON object in UTF-8 or UTF-16, with or without a byte order mark.</summary>
    /// <param name="now">What a lifetime counts from.</param>
    /// <exception cref="FormatException">It cannot be read, or in more than one way; the message says why and repeats nothing.</exception>
    public static PastedAnswer Read(byte[] text, DateTimeOffset now)
    {
        try
        {
            using var document = JsonDocument.Parse(Decode(text), Strict);
            var answer = document.RootElement;
            return answer.ValueKind == JsonValueKind.Object ? Read(answer, now) : throw new FormatException($"The JSON is {ProviderJson.Words(answer.ValueKind)} instead of an object.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The latter is how the parser finds keys that are no text.
            throw new FormatException("The input is not a JSON object, or has duplicate keys.");
        }
        catch (InvalidAnswerException error)
        {
            throw new FormatException($"In the JSON {error.Message}.");
        }
    }

    /// <inheritdoc />
    public override string ToString() => nameof(PastedAnswer);

    private static PastedAnswer Read(JsonElement answer, DateTimeOffset now)
    {
        if (OAuth2Refusal.IsIn(answer))
        {
            throw new FormatException("The JSON contains an error instead of a token.");
        }

        List<string> notes = [];
        OAuth2Answers.RequireBearer(answer, notes);
        var access = ProviderJson.Member(answer, "access_token") is { } member
            ? ProviderJson.TextOrNull(member.Value) ?? throw new FormatException($"The JSON's access_token is {ProviderJson.Words(member.Value.ValueKind)} instead of text.")
            : null;
        var expiry = new StatedExpiry(answer, now, notes);
        var ends = expiry.OfAccess("");
        if (expiry.Unreadable is [var unreadable, ..])
        {
            throw new FormatException($"{unreadable} is not a time, or is ambiguous. Allowed: {StatedTime.Forms}.");
        }

        var earliest = ends.MinBy(end => end.At);
        if (earliest?.HasOffset == false)
        {
            notes.Add($"{earliest.Name} has no offset: read as UTC");
        }

        var refresh = OAuth2Answers.RefreshToken(answer, notes);
        return new(access, refresh, earliest?.At, expiry.OfRefresh()) { Notes = [.. notes.Where(note => !ProviderCall.Repeats(note, [access, refresh]))] };
    }

    // A shell of Windows writes UTF-16, and need not mark it.
    private static string Decode(byte[] text)
    {
        var guess = text is [not 0, 0, ..] ? Encoding.Unicode : text is [0, not 0, ..] ? Encoding.BigEndianUnicode : Encoding.UTF8;
        using var reader = new StreamReader(new MemoryStream(text), guess, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }
}
