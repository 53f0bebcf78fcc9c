namespace TokenRefresh.Jobs.Persistence;

/// <summary>Patterns for <c>ILIKE</c>.</summary>
internal static class LikePattern
{
    /// <summary>What is put before a character that stands for itself.</summary>
    public const string Escape = "\\";

    /// <summary>Fits every text that contains this one; what means something in a pattern stands for itself.</summary>
    public static string Containing(string text) =>
        $"%{text.Replace(Escape, Escape + Escape, StringComparison.Ordinal).Replace("%", Escape + "%", StringComparison.Ordinal).Replace("_", Escape + "_", StringComparison.Ordinal)}%";
}
