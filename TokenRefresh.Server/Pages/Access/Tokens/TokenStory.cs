using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>What is remembered of one token beside its row.</summary>
/// <param name="Attempts">The last attempts, newest first, equal failures in a row as one.</param>
/// <param name="Lives">The last lives, newest first.</param>
/// <param name="Readers">The programs that have read it in seven days.</param>
/// <param name="Gaps">The stretches of thirty days in which it had no valid value.</param>
/// <param name="Hours">The hours of thirty days in which something was tried.</param>
/// <param name="Replaced">The token before the last import; null where there is none.</param>
internal sealed record TokenStory(
    IReadOnlyList<AttemptGroup> Attempts, IReadOnlyList<TokenLifetime> Lives, IReadOnlyList<TokenReader> Readers, IReadOnlyList<UnavailableInterval> Gaps,
    IReadOnlyList<AttemptOutcomes> Hours, ReplacedToken? Replaced);

/// <summary>Reads the story of a token.</summary>
internal sealed class TokenStories(AttemptLog log, AttemptHours hours, TokenLifetimes lives, ClientReads reads, FreshnessReader freshness, TokenControls controls, TimeProvider clock)
{
    private const int RecentRows = 20, RecentLives = 30;

    public async Task<TokenStory> ReadAsync(string name, CancellationToken cancellationToken) => new(
        await AttemptGroup.FoldAsync(log, await log.RecentAsync(new() { Token = name }, RecentRows, null, cancellationToken), cancellationToken),
        await lives.OfAsync(name, RecentLives, cancellationToken),
        await reads.ReadersAsync(name, clock.GetUtcNow().AddDays(-7), cancellationToken),
        await freshness.IntervalsAsync(name, clock.GetUtcNow().AddDays(-LifetimeChart.Days), cancellationToken),
        await hours.OutcomesAsync(new(Tokens: [name]), clock.GetUtcNow().AddDays(-LifetimeChart.Days), cancellationToken),
        await controls.ReplacedAsync(name, cancellationToken));
}
