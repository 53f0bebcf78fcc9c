using System.Collections.Frozen;
using System.IO.Enumeration;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Which tokens are meant: names, and patterns with <c>*</c> for any characters and <c>?</c> for one, separated by commas.</summary>
public sealed class TokenPatterns
{
    private const string Everything = "*";

    private readonly FrozenSet<string> names;
    private readonly string[] patterns;

    /// <summary>Reads them.</summary>
    public TokenPatterns(string text)
    {
        All = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        patterns = [.. All.Where(one => one.AsSpan().ContainsAny('*', '?', '\\'))];
        names = All.Except(patterns).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>One by one, as they were written.</summary>
    public IReadOnlyList<string> All { get; }

    /// <summary>True where every token is meant.</summary>
    public bool IsEverything => patterns.Contains(Everything);

    /// <summary>The same for SQL's <c>LIKE</c>.</summary>
    internal string[] Likes => [.. All.Select(LikePattern.OfGlob)];

    /// <summary>True where one of them fits that name. Takes no memory: it is asked at each read of a token.</summary>
    public bool Fits(string token)
    {
        if (names.Contains(token))
        {
            return true;
        }

        foreach (var pattern in patterns)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, token, ignoreCase: false))
            {
                return true;
            }
        }

        return false;
    }
}
