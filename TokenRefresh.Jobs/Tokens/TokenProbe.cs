using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Tries a stored token at its provider's cheap authenticated call. Refreshes nothing, stores nothing.</summary>
public sealed class TokenProbe(IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, SecretProtection secrets)
{
    /// <summary>What the provider said, or null where there is no token to try.</summary>
    public async Task<ProbeResult?> TryAsync(string name, CancellationToken cancellationToken)
    {
        if (configured.Find(name) is not { } settings)
        {
            return null;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var token = await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == settings.Name, cancellationToken);
        return token?.AccessToken is { } stored
            ? await settings.Provider.ProbeAsync(settings.Order, new(secrets.OpenAccess(token.Name, stored), null), cancellationToken)
            : null;
    }

    /// <summary>What the provider says of a token that is not stored. Null where the settings do not name one, or no call can be made.</summary>
    public async Task<ProbeResult?> TryAsync(string name, ImportedToken imported, CancellationToken cancellationToken) =>
        configured.Find(name) is { NotConfiguredBecause: null } settings
            ? await settings.Provider.ProbeAsync(settings.Order, new(imported.AccessToken, null), cancellationToken)
            : null;
}
