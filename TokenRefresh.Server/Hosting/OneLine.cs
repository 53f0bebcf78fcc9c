using System.Globalization;
using System.Text;

namespace TokenRefresh.Server.Hosting;

/// <summary>Text on its way to a terminal, a log or another program: whatever it holds, it stays one line, commands nothing and turns no direction of reading.</summary>
internal static class OneLine
{
    /// <summary>The text with line ends as spaces, and with characters that control a terminal or turn the direction of reading as '?'.</summary>
    public static string Of(string text) => Replace(text, rune => rune.Value is '\n' or '\r' or '\t' ? " " : "?");

    /// <summary>JSON with the same characters escaped; a reader gets them back. They can only stand within its strings, but for line ends between them.</summary>
    public static string Escape(string json) => Replace(json, rune => rune.Value is '\n' or '\r' or '\t'
        ? rune.ToString()
        : string.Concat(rune.ToString().Select(unit => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"))));

    /// <summary>True for control characters, direction marks, other invisible ones and line ends of Unicode. The joiners are not meant: Persian is written with them.</summary>
    public static bool IsUnsafe(Rune rune) => rune.Value is not ('\u200c' or '\u200d') && Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static string Replace(string text, Func<Rune, string> inPlace)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
        {
            return text;
        }

        var safe = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            safe.Append(IsUnsafe(rune) ? inPlace(rune) : rune.ToString());
        }

        return safe.ToString();
    }
}
