using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>Which tokens a scope names. Remembered, so that reads by scope go on while the database is away; forgotten when the catalogue changes.</summary>
public sealed class TokensByScope
{
    /// <summary>No more names are told: a scope that so many tokens have names none of them.</summary>
    public const int MostNames = 100;

    private const int MostRemembered = 1000;

    private readonly IDbContextFactory<TokenRefreshDbContext> contexts;
    private readonly TimeSpan kept;
    private readonly TimeProvider clock;
    private readonly ConcurrentDictionary<string, (IReadOnlyList<string> Names, DateTimeOffset At)> known = new(StringComparer.Ordinal);
    private volatile bool isChanged;

    /// <summary>Remembers nothing yet.</summary>
    public TokensByScope(IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, IOptions<PerformanceOptions> options, TimeProvider clock)
    {
        (this.contexts, kept, this.clock) = (contexts, options.Value.CacheTtl, clock);
        configured.Changed += () => isChanged = true;
    }

    /// <summary>The names of the tokens with that scope, in their order, at most <see cref="MostNames"/>.</summary>
    public async ValueTask<IReadOnlyList<string>> NamesAsync(string scope, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        if (isChanged)
        {
            isChanged = false;
            foreach (var (each, found) in known)
            {
                known[each] = found with { At = DateTimeOffset.MinValue };
            }
        }

        var isKnown = known.TryGetValue(scope, out var remembered);
        if (isKnown && now - remembered.At < kept)
        {
            return remembered.Names;
        }

        try
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var names = await TokenFinder.Known(db).Where(token => token.Scopes.Contains(scope)).OrderBy(token => token.Name).Select(token => token.Name).Take(MostNames).ToListAsync(cancellationToken);
            if (known.Count >= MostRemembered)
            {
                known.Clear();
            }

            known[scope] = (names, now);
            return names;
        }
        catch (Exception error) when (isKnown && DatabaseFaults.IsAway(error))
        {
            return remembered.Names;
        }
    }
}
