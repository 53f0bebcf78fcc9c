using System.Text.Json;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>A token as it stands in a form.</summary>
internal sealed record TypedToken(string Name, string Provider, string Scopes, Grant Grant, string Parameters, string Labels)
{
    private const string LinesHint = "One key=value a line.";

    /// <summary>The form of a token that there is.</summary>
    public static TypedToken Of(string name, TokenDefinition token) => new(
        name, token.Provider, string.Join(", ", token.Scopes), token.Grant, Lines(token.Parameters), Lines(token.Labels));

    /// <summary>Scopes as people type and paste them: a scope has neither comma nor space.</summary>
    public static string[] Words(string? text) => (text ?? "").Split([',', ' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The fields, without the provider.</summary>
    /// <param name="isNew">True where the name is a field, too.</param>
    public IEnumerable<FormField> Fields(bool isNew) =>
    [
        .. isNew ? [FormField.NameOf(Name)] : Array.Empty<FormField>(),
        new("scopes", "Scopes", FieldKind.Lines) { Code = "scopes", Value = Scopes, Most = 4000, Hint = "Separated by commas or spaces; empty where the provider has none." },
        new("grant", "Grant", FieldKind.Choice) { Value = $"{Grant}", Choices = [.. Enum.GetValues<Grant>().Select(grant => ($"{grant}", InWords(grant)))], IsAside = true },
        new("parameters", "Parameters", FieldKind.Lines) { Code = "parameters", Value = Parameters, Hint = LinesHint, IsAside = true },
        new("labels", "Labels", FieldKind.Lines) { Code = "labels", Value = Labels, Hint = LinesHint, IsAside = true },
    ];

    /// <summary>Reads lines of key=value; null where one is not, or a key comes twice.</summary>
    public static Dictionary<string, string>? Pairs(string text)
    {
        var pairs = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at) || !pairs.TryAdd(line[..at].Trim(), line[(at + 1)..].Trim()))
            {
                return null;
            }
        }

        return pairs;
    }

    private static Phrase InWords(Grant grant) => grant switch
    {
        Grant.ClientCredentials => "Client credentials",
        Grant.Imported => "Imported by a person",
        _ => (Phrase)$"{grant}",
    };

    private static string Lines(string json) => string.Join('\n', JsonSerializer.Deserialize<SortedDictionary<string, string>>(json)!.Select(pair => $"{pair.Key}={pair.Value}"));
}
