using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Tries a stored token at its provider's cheap authenticated call. Refreshes nothing, stores nothing.</summary>
public sealed class TokenProbe(IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, TokenFinder tokens, SecretProtection secrets)
{
    /// <summary>What the provider said, or null where there is no token to try.</summary>
    public async Task<ProbeResult?> TryAsync(string name, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await TokenFinder.Known(db).SingleOrDefaultAsync(token => token.Name == key, cancellationToken) is { AccessToken: { } stored } token && configured.Of(token) is var settings
            ? await settings.Provider.ProbeAsync(settings.Order, new(secrets.OpenAccess(token.Name, stored), null), cancellationToken)
            : null;
    }

    /// <summary>What the provider says of a token that is not stored. Null where there is no such token, or no call can be made.</summary>
    public async Task<ProbeResult?> TryAsync(string name, ImportedToken imported, CancellationToken cancellationToken) =>
        await tokens.FindAsync(name, cancellationToken) is { NotConfiguredBecause: null } settings
            ? await settings.Provider.ProbeAsync(settings.Order, new(imported.AccessToken, null), cancellationToken)
            : null;
}
