namespace TokenRefresh.Tests.Conventions;

/// <summary>Reads the string literals out of C# and Razor code: of interpolated ones the text between the holes, and the literals within the holes.</summary>
internal static class CSharpText
{
    /// <summary>Every piece of text, with the line where it begins. Comments are left out.</summary>
    public static IEnumerable<(int Line, string Text)> Literals(string source)
    {
        var pieces = new List<(int At, string Text)>();
        Read(source, 0, source.Length, pieces);
        return pieces.Select(piece => (source.AsSpan(0, piece.At).Count('\n') + 1, piece.Text));
    }

    private static void Read(string source, int start, int end, List<(int At, string Text)> pieces)
    {
        for (var at = start; at < end; at++)
        {
            switch (source[at])
            {
                case '/' when At(source, at + 1) == '/':
                    at = Until(source, "\n", at, end);
                    break;
                case '/' when At(source, at + 1) == '*':
                    at = Until(source, "*/", at + 2, end) + 1;
                    break;
                case '\'' when At(source, at + 1) == '\\':
                    at = Until(source, "'", at + 3, end);
                    break;
                case '\'' when At(source, at + 2) == '\'':
                    at += 2;
                    break;
                case '"':
                    at = Literal(source, at, end, pieces);
                    break;
            }
        }
    }

    /// <summary>Reads one literal, and says where its last quotation mark is.</summary>
    private static int Literal(string source, int open, int end, List<(int At, string Text)> pieces)
    {
        var quotes = Run(source, open, '"');
        var dollars = 0;
        var isVerbatim = false;
        for (var before = open - 1; before >= 0 && source[before] is '$' or '@'; before--)
        {
            dollars += source[before] == '$' ? 1 : 0;
            isVerbatim |= source[before] == '@';
        }

        if (quotes == 2)
        {
            return open + 1;
        }

        var isRaw = quotes >= 3;
        var width = isRaw ? quotes : 1;
        var (at, piece) = (open + width, open + width);
        while (at < end)
        {
            if (source[at] == '\\' && !isRaw && !isVerbatim)
            {
                at += 2;
            }
            else if (source[at] == '"' && (!isVerbatim || At(source, at + 1) != '"') && Run(source, at, '"') >= width)
            {
                pieces.Add((piece, source[piece..at]));
                return at + width - 1;
            }
            else if (source[at] == '"' && isVerbatim)
            {
                at += 2;
            }
            else if (dollars > 0 && source[at] == '{' && Run(source, at, '{') is var braces && braces >= dollars && (isRaw || braces % 2 == 1))
            {
                pieces.Add((piece, source[piece..at]));
                var close = Hole(source, at + braces, end);
                Read(source, at + braces, close, pieces);
                (at, piece) = (close + dollars, close + dollars);
            }
            else
            {
                at += dollars > 0 && source[at] == '{' ? Run(source, at, '{') : 1;
            }
        }

        return end;
    }

    /// <summary>Where the brace is that closes a hole.</summary>
    private static int Hole(string source, int at, int end)
    {
        for (var depth = 0; at < end; at++)
        {
            switch (source[at])
            {
                case '"':
                    at = Literal(source, at, end, []);
                    break;
                case '{':
                    depth++;
                    break;
                case '}' when depth-- == 0:
                    return at;
            }
        }

        return end;
    }

    private static int Until(string source, string mark, int at, int end) => source.IndexOf(mark, Math.Min(at, end), StringComparison.Ordinal) is var found and >= 0 && found < end ? found : end;

    private static int Run(string source, int at, char sign)
    {
        var length = 0;
        while (At(source, at + length) == sign)
        {
            length++;
        }

        return length;
    }

    private static char At(string source, int at) => at < source.Length ? source[at] : '\0';
}
