namespace TokenRefresh.Server.Hosting;

/// <summary>Text on its way to a terminal or a log: whatever it holds, it stays one line and commands nothing.</summary>
internal static class OneLine
{
    /// <summary>The text with line ends as spaces, and with signs that control a terminal or turn the direction of reading as '?'.</summary>
    public static string Of(string text) => text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0
        ? text
        : string.Create(text.Length, text, static (signs, text) =>
        {
            for (var at = 0; at < text.Length; at++)
            {
                signs[at] = text[at] switch
                {
                    '\n' or '\r' or '\t' => ' ',
                    var sign when char.IsControl(sign) || sign is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069') => '?',
                    var sign => sign,
                };
            }
        });
}
