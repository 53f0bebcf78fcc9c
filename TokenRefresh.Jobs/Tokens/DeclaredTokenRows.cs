using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Gives each token of the settings its row.</summary>
internal sealed class DeclaredTokenRows(ConfiguredTokens configured, TimeProvider clock) : IDatabaseSeed
{
    public async Task RunAsync(TokenRefreshDbContext db, bool marksStrays, CancellationToken cancellationToken)
    {
        // Without the sealed columns, because nearly all of thousands are as they should be.
        var stored = await db.Tokens.Select(token => new { token.Name, token.Provider, token.IsActive, token.PausedAt }).ToDictionaryAsync(token => token.Name, cancellationToken);
        foreach (var settings in configured.All.Where(settings => !stored.ContainsKey(settings.Name)))
        {
            var token = Token.New(settings.Name, clock.GetUtcNow());
            token.Configure(settings);
            db.Tokens.Add(token);
        }

        if (marksStrays)
        {
            var changed = stored.Values
                .Where(token => configured.Find(token.Name) is { } settings ? (token.Provider, token.IsActive) != Token.AsConfigured(settings, token.PausedAt) : token.IsActive)
                .Select(token => token.Name).ToList();
            foreach (var token in await db.Tokens.Where(token => changed.Contains(token.Name)).ToListAsync(cancellationToken))
            {
                if (token.EndGapOfThisCause(clock.GetUtcNow()) is { } ended)
                {
                    db.UnavailableIntervals.Add(ended);
                }

                if (configured.Find(token.Name) is { } settings)
                {
                    token.Configure(settings);
                }
                else
                {
                    token.Unconfigure();
                }
            }
        }

        await db.SaveChangesAsync(cancellationToken);
    }
}
