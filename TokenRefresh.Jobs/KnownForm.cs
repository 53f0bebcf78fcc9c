namespace TokenRefresh.Jobs;

/// <summary>The fixed words of a phrase, between which its parts stand, and the same phrase in this language.</summary>
internal sealed record KnownForm(string[] Fixed, string Written)
{
    /// <summary>The parts of a text that has this form; null for any other. Reads the text once, whatever stands in it.</summary>
    public List<string>? Match(string text)
    {
        if (!text.StartsWith(Fixed[0], StringComparison.OrdinalIgnoreCase) || !text.EndsWith(Fixed[^1], StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var (at, end, parts) = (Fixed[0].Length, text.Length - Fixed[^1].Length, new List<string>(Fixed.Length - 1));
        foreach (var next in Fixed.Skip(1).SkipLast(1))
        {
            // No part is empty.
            var found = at + 1 < end && next.Length > 0 ? text.IndexOf(next, at + 1, end - at - 1, StringComparison.OrdinalIgnoreCase) : -1;
            if (found < 0)
            {
                return null;
            }

            parts.Add(text[at..found]);
            at = found + next.Length;
        }

        if (at >= end)
        {
            return null;
        }

        parts.Add(text[at..end]);
        return parts;
    }
}
