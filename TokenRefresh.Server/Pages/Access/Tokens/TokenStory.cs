using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>What is remembered of one token beside its row.</summary>
/// <param name="Attempts">The last attempts, newest first.</param>
/// <param name="Lives">The last lives, newest first.</param>
/// <param name="Readers">The programs that have read it in seven days.</param>
/// <param name="Replaced">The token before the last import; null where there is none.</param>
internal sealed record TokenStory(IReadOnlyList<RefreshAttempt> Attempts, IReadOnlyList<TokenLifetime> Lives, IReadOnlyList<TokenReader> Readers, ReplacedToken? Replaced);

/// <summary>Reads the story of a token.</summary>
internal sealed class TokenStories(AttemptLog log, TokenLifetimes lives, ClientReads reads, TokenControls controls, TimeProvider clock)
{
    private const int RecentRows = 20, RecentLives = 10;

    public async Task<TokenStory> ReadAsync(string name, CancellationToken cancellationToken) => new(
        await log.RecentAsync(new() { Token = name }, RecentRows, null, cancellationToken),
        await lives.OfAsync(name, RecentLives, cancellationToken),
        await reads.ReadersAsync(name, clock.GetUtcNow().AddDays(-7), cancellationToken),
        await controls.ReplacedAsync(name, cancellationToken));
}
