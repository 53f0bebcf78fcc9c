using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>What a token may be: the rules for people, programs and files alike.</summary>
internal static class TokenDraftRules
{
    private const int MostPairs = 50, LongestText = 256, MostScopes = 100;

    /// <summary>What is wrong with a token, a sentence each.</summary>
    /// <param name="typed">The subject as it was typed; null where it stays.</param>
    /// <param name="coming">Providers that are not there yet, and will be.</param>
    public static List<string> Check(TokenDraft draft, ITokenProviders providers, string? typed = null, Subject? subject = null, IReadOnlyCollection<string>? coming = null)
    {
        var wrong = new List<string>();
        if (subject is null && !string.IsNullOrEmpty(typed))
        {
            wrong.Add($"A subject is {Subject.Allowed}.");
        }

        // The rest of a definition is stored in clear, and its name is in addresses, logs and job arguments.
        if (subject is not null && draft.Parameters.Concat(draft.Labels).SelectMany(pair => new[] { pair.Key, pair.Value }).Concat(draft.Scopes).Prepend(draft.Name).Any(subject.IsIn))
        {
            wrong.Add("The subject must not be in the name, the scopes, the parameters or the labels: these are not encrypted.");
        }

        if (!CatalogNames.IsAllowed(draft.Name))
        {
            wrong.Add($"A token name has {CatalogNames.Allowed}.");
        }

        if (providers.Find(draft.Provider) is null && coming?.Contains(draft.Provider, StringComparer.OrdinalIgnoreCase) != true)
        {
            wrong.Add($"provider must be one of {string.Join(", ", providers.All.Select(provider => provider.Name).Union(coming ?? []))}.");
        }

        if (draft.Scopes.Count > MostScopes || draft.Scopes.Any(scope => scope.Length is 0 or > LongestText || scope.Any(sign => char.IsWhiteSpace(sign) || char.IsControl(sign) || sign is ',' or '"' or '\\')))
        {
            wrong.Add($"scopes are at most {MostScopes} words without blanks, commas, quotes and backslashes, one for each scope.");
        }

        foreach (var (pairs, what) in new[] { (draft.Parameters, "parameters"), (draft.Labels, "labels") })
        {
            if (pairs.Count > MostPairs || pairs.Any(pair => pair.Key.Length is 0 or > 64 || pair.Value.Length > LongestText || $"{pair.Key}{pair.Value}".Any(char.IsControl) || pair.Key.Any(sign => sign is '=' or ',' or ':')))
            {
                wrong.Add($"{what} are at most {MostPairs} pairs; a key has 1 to 64 characters without '=', ':' and ',', a value at most {LongestText}, neither has control characters.");
            }
            else if (pairs.Keys.Distinct(StringComparer.OrdinalIgnoreCase).Count() != pairs.Count)
            {
                wrong.Add($"{what} has a key twice; keys that differ in case only are the same.");
            }
        }

        return wrong;
    }
}
