namespace TokenRefresh.Server.Pages;

/// <summary>What people type, made fit.</summary>
internal static class Texts
{
    /// <summary>At most so many characters from the start; a sign of two halves stays whole, because the database takes no half.</summary>
    public static string Start(string text, int most) => text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
}
