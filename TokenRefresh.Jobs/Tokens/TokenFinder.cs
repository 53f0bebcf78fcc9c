using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Which names are looked for; what is null is not asked.</summary>
/// <param name="Providers">Only these providers' tokens.</param>
/// <param name="Patterns">Only those that fit.</param>
/// <param name="Part">Only those whose name contains this, in any case.</param>
public sealed record TokenNameFilter(IReadOnlyCollection<string>? Providers = null, TokenPatterns? Patterns = null, string? Part = null)
{
    /// <summary>Those of the rows that fit.</summary>
    internal IQueryable<Token> Of(IQueryable<Token> tokens)
    {
        tokens = Providers is { } providers ? tokens.Where(token => providers.Contains(token.Provider)) : tokens;
        tokens = Patterns is { IsEverything: false, Likes: var likes } ? tokens.Where(token => likes.Any(like => EF.Functions.Like(token.Name, like))) : tokens;
        return Part is { } part && LikePattern.Containing(part.ToLowerInvariant()) is var containing ? tokens.Where(token => EF.Functions.Like(token.Name, containing, LikePattern.Escape)) : tokens;
    }
}

/// <summary>What holds tokens in memory, and is told in its own process when one was added, changed or removed.</summary>
public interface ITokenWatcher
{
    /// <summary>Reads these again.</summary>
    Task ReloadAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken);
}

/// <summary>Finds tokens of the catalogue, declared and managed, in the database: none of them is held in memory for that.</summary>
public sealed class TokenFinder(IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured)
{
    /// <summary>So many names are offered to those who misspelt one.</summary>
    public const int MostSuggested = 1000;

    private const int PageSize = 1000, MostRemembered = 20_000;

    // Whose token it is hardly ever changes, and who relies on it looks again at the row.
    private readonly ConcurrentDictionary<string, string> providers = new(StringComparer.Ordinal);

    /// <summary>The token of that name in any case, or null.</summary>
    public async Task<ConfiguredToken?> FindAsync(string name, CancellationToken cancellationToken) => await FindAsync([name], cancellationToken) is [var token] ? token : null;

    /// <summary>The tokens of those names in any case, ordered by name; names of no token are left out.</summary>
    public async Task<IReadOnlyList<ConfiguredToken>> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        string[] keys = [.. names.Select(name => name.ToLowerInvariant()).Where(CatalogNames.IsAllowed).Distinct()];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await Known(db).Where(token => keys.Contains(token.Name)).OrderBy(token => token.Name)
            .Select(token => new { token.Name, Definition = new TokenDefinition(token.Provider, token.Origin, token.Scopes, token.Grant, token.Parameters, token.Labels) }).ToListAsync(cancellationToken);
        return [.. rows.Select(row => configured.Of(row.Name, row.Definition))];
    }

    /// <summary>The provider of a token, as it was when it was first asked for; null where there is no such token.</summary>
    internal async Task<ConfiguredToken?> OutlineAsync(string name, CancellationToken cancellationToken)
    {
        if (configured.Find(name) is { } declared)
        {
            return declared;
        }

        if (providers.TryGetValue(name, out var provider))
        {
            return configured.Of(name, new(provider, Origin.Managed, [], default, "{}", "{}"));
        }

        if (await FindAsync(name, cancellationToken) is not { } found)
        {
            return null;
        }

        if (providers.Count >= MostRemembered)
        {
            providers.Clear();
        }

        providers[found.Name] = found.Provider.Name;
        return found;
    }

    /// <summary>The row of that name is not what was remembered of it.</summary>
    internal void Forget(string name) => providers.TryRemove(name, out _);

    /// <summary>Names in their order, at most so many.</summary>
    public async Task<IReadOnlyList<string>> NamesAsync(TokenNameFilter filter, int limit, CancellationToken cancellationToken, string after = "")
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await filter.Of(Known(db)).Where(token => string.Compare(token.Name, after) > 0).OrderBy(token => token.Name).Select(token => token.Name).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>All names that fit, some at a time.</summary>
    public async IAsyncEnumerable<IReadOnlyList<string>> AllAsync(TokenNameFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var last = "";;)
        {
            var names = await NamesAsync(filter, PageSize, cancellationToken, last);
            if (names.Count > 0)
            {
                yield return names;
            }

            if (names.Count < PageSize)
            {
                yield break;
            }

            last = names[^1];
        }
    }

    /// <summary>The rows that count as tokens.</summary>
    internal static IQueryable<Token> Known(TokenRefreshDbContext db) => db.Tokens.AsNoTracking().Where(token => token.Origin != Origin.Undeclared);
}
