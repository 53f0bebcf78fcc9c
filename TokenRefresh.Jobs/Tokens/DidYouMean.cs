namespace TokenRefresh.Jobs.Tokens;

/// <summary>Answers a name that matches nothing with the most similar one, or with all that there are.</summary>
public static class DidYouMean
{
    private const int MostNames = 30;

    /// <summary>Such as <c>No token matches 'jibbit' (did you mean jibit?)</c>.</summary>
    /// <param name="what">What is named: <c>token</c>, <c>provider</c>.</param>
    /// <param name="asked">The name or pattern that was given.</param>
    /// <param name="known">The names that exist.</param>
    public static string Message(string what, string asked, IEnumerable<string> known)
    {
        var names = known.ToList();
        var closest = Closest(asked, names);
        return closest is not null ? $"No {what} matches '{asked}' (did you mean {closest}?)"
            : names.Count == 0 ? $"No {what} matches '{asked}': none is configured"
            : $"No {what} matches '{asked}'. There {(names.Count == 1 ? "is" : "are")}: {string.Join(", ", names.Take(MostNames))}{(names.Count > MostNames ? $" and {names.Count - MostNames} more" : "")}.";
    }

    /// <summary>The name with the fewest edits; null where even that one differs in more than a third of its characters.</summary>
    public static string? Closest(string asked, IEnumerable<string> known)
    {
        var plain = asked.Replace("*", "", StringComparison.Ordinal).ToLowerInvariant();
        return plain.Length == 0 ? null : known
            .Select(name => (Name: name, Distance: Distance(plain, name.ToLowerInvariant())))
            .Where(found => found.Distance <= Math.Max(1, Math.Max(plain.Length, found.Name.Length) / 3))
            .OrderBy(found => found.Distance).ThenBy(found => found.Name, StringComparer.Ordinal)
            .Select(found => found.Name).FirstOrDefault();
    }

    // Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    private static int Distance(string one, string other)
    {
        var edits = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
        {
            for (var j = 0; j <= other.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    edits[i, j] = i + j;
                    continue;
                }

                var cost = one[i - 1] == other[j - 1] ? 0 : 1;
                edits[i, j] = Math.Min(Math.Min(edits[i - 1, j] + 1, edits[i, j - 1] + 1), edits[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[one.Length, other.Length];
    }
}
