using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>How many tokens of a provider stand alike.</summary>
/// <param name="HasExpired">True where there was a token, and it is not valid any more.</param>
public sealed record TokenCount(string Provider, TokenState State, bool IsValid, bool HasExpired, long Count)
{
    /// <summary>As <see cref="TokenView.IsWell"/>.</summary>
    public bool IsWell => TokenView.Wellness(State, HasExpired);
}

/// <summary>How many tokens there are, and how they stand, however many are listed.</summary>
/// <param name="Alike">The groups.</param>
public sealed record TokenCounts(IReadOnlyList<TokenCount> Alike)
{
    /// <summary>All of them.</summary>
    public long Total => Alike.Sum(alike => alike.Count);

    /// <summary>Those that are valid.</summary>
    public long Valid => Sum(alike => alike.IsValid);

    /// <summary>Those that need attention.</summary>
    public long Unwell => Sum(alike => !alike.IsWell);

    /// <summary>Those that count: not those that are not configured, nor those that are paused while they are valid.</summary>
    public long Counted => Sum(IsCounted);

    /// <summary>Those of <see cref="Counted"/> that need no attention.</summary>
    public long CountedWell => Sum(alike => IsCounted(alike) && alike.IsWell);

    /// <summary>How many there are in each state that there is, worst first.</summary>
    public IEnumerable<(TokenState State, long Count)> States => Alike.GroupBy(alike => alike.State).OrderByDescending(group => group.Key).Select(group => (group.Key, group.Sum(alike => alike.Count)));

    /// <summary>Those of one provider.</summary>
    public TokenCounts Of(string provider) => new([.. Alike.Where(alike => alike.Provider == provider)]);

    /// <summary>The tokens for which a condition holds.</summary>
    public long Sum(Func<TokenCount, bool> condition) => Alike.Where(condition).Sum(alike => alike.Count);

    /// <summary>Counts tokens that are all at hand.</summary>
    public static TokenCounts Of(IEnumerable<TokenView> tokens) => new(
    [
        .. tokens.GroupBy(token => (Provider: token.Settings.Provider.Name, token.State, token.IsValid, token.HasExpired))
            .Select(alike => new TokenCount(alike.Key.Provider, alike.Key.State, alike.Key.IsValid, alike.Key.HasExpired, alike.Count())),
    ]);

    private static bool IsCounted(TokenCount alike) => alike.State is not (TokenState.NotConfigured or TokenState.Paused) || !alike.IsWell;
}
