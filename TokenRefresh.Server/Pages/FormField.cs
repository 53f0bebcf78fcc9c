using TokenRefresh.Jobs;

namespace TokenRefresh.Server.Pages;

/// <summary>How a field is filled in.</summary>
internal enum FieldKind
{
    /// <summary>One line.</summary>
    Line,

    /// <summary>One line that is never shown again.</summary>
    Secret,

    /// <summary>Several lines.</summary>
    Lines,

    /// <summary>One of some choices.</summary>
    Choice,
}

/// <summary>A field of a form, with what is wrong with it.</summary>
/// <param name="Name">As the form sends it.</param>
internal sealed record FormField(string Name, Phrase Label, FieldKind Kind = FieldKind.Line)
{
    /// <summary>The name of a secret field begins with it, so that nothing that keeps a form keeps the value.</summary>
    public const string SecretPrefix = "secret.";

    /// <summary>As settings files, verbs and complaints call it; null where they have no word for it.</summary>
    public string? Code { get; init; }

    /// <summary>What it is for.</summary>
    public Phrase? Hint { get; init; }

    /// <summary>What counts where it is left empty.</summary>
    public string? Default { get; init; }

    /// <summary>What stands in it; never a secret.</summary>
    public string Value { get; init; } = "";

    /// <summary>The last characters of the stored secret; null where none is stored or it is too short to show any.</summary>
    public string? LastCharacters { get; init; }

    /// <summary>What can be chosen.</summary>
    public IReadOnlyList<(string Value, Phrase Words)> Choices { get; init; } = [];

    /// <summary>True where the browser asks for it.</summary>
    public bool IsRequired { get; init; }

    /// <summary>True where most people leave it as it is.</summary>
    public bool IsAside { get; init; }

    /// <summary>The longest text.</summary>
    public int Most { get; init; } = 8192;

    /// <summary>The characters that a name has, as a pattern; null where any may be typed.</summary>
    public string? Pattern { get; init; }

    /// <summary>What is wrong with it, a sentence each.</summary>
    public IReadOnlyList<string> Wrong { get; init; } = [];

    /// <summary>What was typed, where the field shows what another person has stored meanwhile.</summary>
    public string? Typed { get; init; }

    /// <summary>True where it is not as most people leave it, so that it is not folded away.</summary>
    public bool IsNotable => Wrong.Count > 0 || Typed is not null || (Value.Length > 0 && (Choices.Count == 0 || Value != Choices[0].Value));

    /// <summary>The name of something that is added, with the rule for it.</summary>
    public static FormField NameOf(string value) => new("newName", "Name")
    {
        Value = value, IsRequired = true, Most = 64, Pattern = @"[a-z0-9][a-z0-9_.\-]*", Hint = "1 to 64 characters of a-z, 0-9, '_', '-' and '.'; it cannot be changed later.",
    };

    /// <summary>Names that are offered for something new: the wanted one, and that with a number.</summary>
    public static IReadOnlyList<string> Names(string wanted) => [.. Enumerable.Range(1, 20).Select(number => number == 1 ? wanted : $"{wanted}-{number}")];
}

/// <summary>A form as it is shown, with what was wrong with the last try.</summary>
/// <param name="Problems">What is wrong and belongs to no field, a sentence each.</param>
internal sealed record FormShown(IReadOnlyList<FormField> Fields, IReadOnlyList<string> Problems)
{
    private const string Missing = "Missing: ";

    /// <summary>Puts each complaint beside the field that it begins with.</summary>
    /// <param name="ofName">How complaints about the name begin.</param>
    public static FormShown Of(IReadOnlyList<FormField> fields, IReadOnlyList<string> complaints, params string[] ofName)
    {
        var placed = complaints.SelectMany(EachMissing).Select(complaint => (Field: fields.FirstOrDefault(field => IsOf(complaint, field, ofName)), Complaint: complaint)).ToList();
        return new(
            [.. fields.Select(field => field with { Wrong = [.. placed.Where(one => one.Field == field).Select(one => one.Complaint.StartsWith(Missing, StringComparison.Ordinal) ? "Required." : one.Complaint)] })],
            [.. placed.Where(one => one.Field is null).Select(one => one.Complaint)]);
    }

    // "Missing: A, B." is a complaint about each.
    private static IEnumerable<string> EachMissing(string complaint) => complaint.StartsWith(Missing, StringComparison.Ordinal)
        ? complaint[Missing.Length..].TrimEnd('.').Split(", ").Select(setting => $"{Missing}{setting}")
        : [complaint];

    private static bool IsOf(string complaint, FormField field, string[] ofName) => field.Code is { } code
        ? complaint == $"{Missing}{code}" || complaint.Split(' ', 2)[0].Equals(code, StringComparison.OrdinalIgnoreCase)
        : field.Pattern is not null && ofName.Any(beginning => complaint.StartsWith(beginning, StringComparison.Ordinal));
}
