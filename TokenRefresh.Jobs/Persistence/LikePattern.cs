using System.Text;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Patterns for <c>LIKE</c> and <c>ILIKE</c>.</summary>
internal static class LikePattern
{
    /// <summary>What is put before a character that stands for itself.</summary>
    public const string Escape = "\\";

    /// <summary>Fits every text that contains this one; what means something in a pattern stands for itself.</summary>
    public static string Containing(string text) => $"%{Literal(text)}%";

    /// <summary>Fits what a pattern with <c>*</c>, <c>?</c> and <c>\</c> before what stands for itself fits.</summary>
    public static string OfGlob(string pattern)
    {
        var like = new StringBuilder();
        for (var at = 0; at < pattern.Length; at++)
        {
            _ = pattern[at] switch
            {
                '*' => like.Append('%'),
                '?' => like.Append('_'),
                '\\' when at + 1 < pattern.Length => like.Append(Literal(pattern[++at].ToString())),
                var sign => like.Append(Literal(sign.ToString())),
            };
        }

        return like.ToString();
    }

    // Postgres stores no NUL, and takes none in a pattern.
    private static string Literal(string text) =>
        text.Replace("\0", "", StringComparison.Ordinal).Replace(Escape, Escape + Escape, StringComparison.Ordinal).Replace("%", Escape + "%", StringComparison.Ordinal).Replace("_", Escape + "_", StringComparison.Ordinal);
}
