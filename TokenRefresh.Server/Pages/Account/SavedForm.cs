using System.Text.Json;

namespace TokenRefresh.Server.Pages.Account;

/// <summary>One field of a form; a secret one comes without its value and has to be typed again.</summary>
internal sealed record SavedField(string Name, string? Value);

/// <summary>A form whose sender was signed in no more: where it went and what was typed, kept in the browser until the next sign-in.</summary>
internal sealed record SavedForm(string To, IReadOnlyList<SavedField> Fields)
{
    private const int LongestText = 64 * 1024;

    private const string Antiforgery = "__RequestVerificationToken";

    /// <summary>The names of fields that never come back to a page.</summary>
    private static readonly HashSet<string> Secret = new(StringComparer.OrdinalIgnoreCase) { "access", "refresh", "password", "subject" };

    /// <summary>The page that the form was on.</summary>
    public string Page => To.Split('?')[0];

    /// <summary>Takes a form over; null where it is none of the panel's.</summary>
    public static SavedForm? Of(string? to, IFormCollection form) => IsOurs(to)
        ? new(to!, [.. form.Where(field => field.Key != Antiforgery).SelectMany(field => field.Value, (field, value) => new SavedField(field.Key, Secret.Contains(field.Key) || field.Key.StartsWith(FormField.SecretPrefix, StringComparison.OrdinalIgnoreCase) ? null : value ?? ""))])
        : null;

    /// <summary>Reads what <see cref="ToString"/> has written; null for anything else.</summary>
    public static SavedForm? Parse(string? text)
    {
        if (text is not { Length: > 0 and <= LongestText })
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<SavedForm>(text) is { Fields: not null } kept && IsOurs(kept.To) && kept.Fields.All(field => field.Name is not null) ? kept : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public override string ToString() => JsonSerializer.Serialize(this);

    private static bool IsOurs(string? to) => to?.StartsWith(PanelPaths.Root, StringComparison.Ordinal) == true;
}
