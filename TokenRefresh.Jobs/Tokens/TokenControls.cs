using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>What a person does to a token by hand, other than refreshing it: pause, resume, import.</summary>
public sealed class TokenControls(
    IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, SecretProtection secrets, NodeName node, TimeProvider clock)
{
    /// <summary>Keeps a token from being refreshed automatically; it is still served while it is valid.</summary>
    /// <param name="until">When the pause ends by itself; null for never.</param>
    public Task PauseAsync(string name, string reason, DateTimeOffset? until, CancellationToken cancellationToken) =>
        ChangeAsync(name, (_, token, now) => token.Pause(now, until, reason), cancellationToken);

    /// <summary>Ends a pause.</summary>
    public Task ResumeAsync(string name, CancellationToken cancellationToken) =>
        ChangeAsync(name, (_, token, _) => token.Resume(), cancellationToken);

    /// <summary>Stores a token that a person has started elsewhere. Whatever is in flight for it loses.</summary>
    public Task ImportAsync(string name, ImportedToken imported, string importedBy, CancellationToken cancellationToken) =>
        ChangeAsync(
            name,
            (db, token, now) =>
            {
                var settings = configured.Find(name)!;
                var issued = new IssuedToken(imported.AccessToken, imported.RefreshToken, now, imported.ExpiresAt, null, settings.Order.Scopes);
                token.Accept(
                    issued,
                    secrets.SealAccess(token.Name, issued.AccessToken),
                    secrets.SealRefresh(token.Name, issued.RefreshToken),
                    RenewalPolicy.Plan(token.Name, settings.Rule, now, issued.ExpiresAt),
                    """{"imported":true}""",
                    now);
                if (settings.Order.Grant == Grant.Imported && token.RefreshToken is null)
                {
                    token.LeaveToPerson();
                }

                var row = RefreshAttempt.Open(
                    settings.Provider.Name, new(token.Name, RefreshTrigger.Manual, importedBy), "Imported.", node.Value, now);
                row.Succeed($"Imported; expires {issued.ExpiresAt:u}.", "{}", now, TimeSpan.Zero);
                db.Attempts.Add(row);
            },
            cancellationToken);

    // A refresh that ends between read and write changes the lease or the version: read again, and change that.
    private async Task ChangeAsync(string name, Action<TokenRefreshDbContext, Token, DateTimeOffset> change, CancellationToken cancellationToken)
    {
        var settings = configured.Find(name) ?? throw new ArgumentException($"There is no token {name}.", nameof(name));
        for (var tries = 1; ; tries++)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var token = await db.Tokens.SingleAsync(token => token.Name == settings.Name, cancellationToken);
            change(db, token, clock.GetUtcNow());
            try
            {
                await db.SaveChangesAsync(cancellationToken);
                return;
            }
            catch (DbUpdateConcurrencyException) when (tries < 10)
            {
            }
        }
    }
}

/// <summary>A pair that a person brings. Holds secrets, so it never prints them.</summary>
public sealed record ImportedToken(string AccessToken, string? RefreshToken, DateTimeOffset ExpiresAt)
{
    /// <inheritdoc />
    public override string ToString() => $"{nameof(ImportedToken)} {{ {nameof(ExpiresAt)} = {ExpiresAt:O} }}";
}
