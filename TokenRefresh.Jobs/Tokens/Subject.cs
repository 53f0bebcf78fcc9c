using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>
/// Whom a token belongs to: a mobile number, a national code, a customer number. Personal data: it is sealed in the row, found again by a keyed hash, and shown masked.
/// One person is spelled in one way: digits are ASCII, an Iranian mobile number is <c>09…</c>, and blanks around are gone.
/// </summary>
public sealed partial class Subject
{
    /// <summary>The most characters.</summary>
    public const int Longest = 128;

    /// <summary>The most characters at the end that are shown.</summary>
    private const int MostShown = 4;

    /// <summary>Of a shorter one less is shown, so that most of it stays hidden.</summary>
    private const double MostOfAll = 0.4;

    /// <summary>A shorter one is a part of many words by chance.</summary>
    private const int ShortestToLookFor = 5;

    private const string Hidden = "•••";

    private Subject(string value) => Value = value;

    /// <summary>The one spelling, in clear.</summary>
    internal string Value { get; }

    /// <summary>The rule, to follow "a subject is".</summary>
    public static string Allowed => $"1 to {Longest} characters without control characters, and is not given as it is shown, with '•'";

    /// <summary>How it is shown: at most the last four characters.</summary>
    public string Masked
    {
        get
        {
            var signs = Value.EnumerateRunes().ToList();
            return $"{Hidden}{string.Concat(signs.TakeLast(Math.Min(MostShown, (int)(signs.Count * MostOfAll))))}";
        }
    }

    /// <summary>The subject that was typed, or null where it is not allowed.</summary>
    public static Subject? Read(string text)
    {
        var value = Plain(text).Trim();
        return value.Length is 0 or > Longest || value.Any(sign => char.IsControl(sign) || sign == '•') || !IsWhole(value) ? null
            : new(Mobile().Match(Separators().Replace(value, "")) is { Success: true } mobile ? $"0{mobile.Groups[1].Value}" : value);
    }

    /// <summary>True where a text holds it in any spelling: such a text is seen where a subject must not be.</summary>
    internal bool IsIn(string text)
    {
        var looked = Mobile().Match(Value) is { Success: true } mobile ? mobile.Groups[1].Value : Value;
        return looked.Length >= ShortestToLookFor && Separators().Replace(Plain(text), "").Contains(Separators().Replace(looked, ""), StringComparison.OrdinalIgnoreCase);
    }

    /// <inheritdoc />
    public override string ToString() => Masked;

    // Digits of any script are the same digits; marks of direction come along with a number that was copied, and are not seen.
    private static string Plain(string text) => string.Concat(text.Where(sign => char.GetUnicodeCategory(sign) != UnicodeCategory.Format)
        .Select(sign => char.IsDigit(sign) ? (char)('0' + CharUnicodeInfo.GetDecimalDigitValue(sign)) : sign));

    private static bool IsWhole(string text) => text.EnumerateRunes().All(rune => rune != Rune.ReplacementChar);

    // Ten digits alone may be a national code, and twelve that begin with 98 a customer number: they stay.
    [GeneratedRegex(@"^(?:\+98|0098|0)(9[0-9]{9})\z")]
    private static partial Regex Mobile();

    [GeneratedRegex(@"[\s().-]")]
    private static partial Regex Separators();
}

/// <summary>A subject as a row holds it.</summary>
/// <param name="Sealed">Sealed to the row.</param>
/// <param name="Hash">The keyed hash by which it is found.</param>
internal sealed record SealedSubject(string Sealed, string Hash);
