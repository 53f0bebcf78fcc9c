using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Administration;

/// <summary>What a person does to a token by hand, other than refreshing it: pause, resume, import, roll back. All of it is in the audit.</summary>
public sealed class TokenControls(
    IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, SecretProtection secrets, TokenStore store, NodeName node, TimeProvider clock)
{
    private const int Tries = 10;

    /// <summary>Keeps a token from being refreshed automatically; it is still served while it is valid.</summary>
    /// <param name="until">When the pause ends by itself; null for never.</param>
    public Task PauseAsync(string name, string reason, DateTimeOffset? until, string by, CancellationToken cancellationToken) =>
        ChangeAsync(
            name,
            (db, token, now) =>
            {
                Keep(db, token.Pause(now, until, reason));
                Audit(db, by, "token.paused", token.Name, new { reason, until }, now);
                return Unchanged(token);
            },
            cancellationToken);

    /// <summary>Ends a pause.</summary>
    public Task ResumeAsync(string name, string by, CancellationToken cancellationToken) =>
        ChangeAsync(
            name,
            (db, token, now) =>
            {
                Keep(db, token.Resume(now));
                Audit(db, by, "token.resumed", token.Name, new { }, now);
                return Unchanged(token);
            },
            cancellationToken);

    /// <summary>Stores a token that a person has started elsewhere and keeps the one before it. Whatever is in flight for it loses.</summary>
    public Task ImportAsync(string name, ImportedToken imported, string importedBy, CancellationToken cancellationToken) =>
        ChangeAsync(
            name,
            async (db, token, now) =>
            {
                var settings = configured.Of(token);
                var issued = new IssuedToken(imported.AccessToken, imported.RefreshToken, now, imported.ExpiresAt, imported.RefreshExpiresAt, settings.Order.Scopes);
                if (await db.ReplacedTokens.SingleOrDefaultAsync(replaced => replaced.Name == token.Name, cancellationToken) is { } replaced)
                {
                    replaced.Keep(token, importedBy, now);
                }
                else if (token.AccessToken is not null)
                {
                    db.ReplacedTokens.Add(ReplacedToken.Of(token, importedBy, now));
                }

                Note(db, settings, importedBy, $"Imported; expires {issued.ExpiresAt:u}.", token.ExpiresAt, issued.ExpiresAt, now, imported.Notes);
                Audit(db, importedBy, "token.imported", token.Name, new { expires_at = issued.ExpiresAt, with_refresh_token = issued.RefreshToken is not null }, now);
                return token.Imported(
                    issued,
                    secrets.SealAccess(token.Name, issued.AccessToken),
                    secrets.SealRefresh(token.Name, issued.RefreshToken),
                    NeedsPerson(settings, issued.RefreshToken)
                        ? null
                        : RenewalPolicy.Plan(token.Name, settings.Rule, now, issued.ExpiresAt, settings.Order.Grant == Grant.Imported ? issued.RefreshExpiresAt : null),
                    """{"imported":true}""",
                    now);
            },
            cancellationToken);

    /// <summary>Takes an import back: the token before it is stored again, and the imported one is kept in its place.</summary>
    /// <returns>False where none is kept, or where it could neither be used nor renewed any more.</returns>
    public Task<bool> RollBackAsync(string name, string by, CancellationToken cancellationToken) =>
        ChangeAsync(
            name,
            async (db, token, now) =>
            {
                var settings = configured.Of(token);
                if (await db.ReplacedTokens.SingleOrDefaultAsync(replaced => replaced.Name == token.Name, cancellationToken) is not { } kept || !kept.IsOfUse(now))
                {
                    return null;
                }

                var back = kept.Copy();
                kept.Keep(token, by, now);
                Note(db, settings, by, $"Rolled back to the token that was replaced at {back.ReplacedAt:u}; expires {back.ExpiresAt:u}.", token.ExpiresAt, back.ExpiresAt, now);
                Audit(db, by, "token.rolled_back", token.Name, new { expires_at = back.ExpiresAt }, now);
                return token.RolledBack(
                    back, NeedsPerson(settings, back.RefreshToken) ? null : RenewalPolicy.Plan(token.Name, settings.Rule, back.IssuedAt, back.ExpiresAt), now);
            },
            cancellationToken);

    /// <summary>The token before the last import; null where there is none.</summary>
    public async Task<ReplacedToken?> ReplacedAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.ReplacedTokens.AsNoTracking().SingleOrDefaultAsync(replaced => replaced.Name == name, cancellationToken);
    }

    // Nothing but a person can renew it.
    private static bool NeedsPerson(ConfiguredToken settings, string? refreshToken) => settings.Order.Grant == Grant.Imported && refreshToken is null;

    private static Task<TokenChange?> Unchanged(Token token) => Task.FromResult<TokenChange?>(new(token.Name));

    private static void Keep(TokenRefreshDbContext db, UnavailableInterval? ended)
    {
        if (ended is not null)
        {
            db.UnavailableIntervals.Add(ended);
        }
    }

    private static void Audit(TokenRefreshDbContext db, string by, string action, string token, object details, DateTimeOffset now) =>
        db.Audit.Add(AuditEntry.Of(now, by, action, token, details));

    private void Note(
        TokenRefreshDbContext db, ConfiguredToken settings, string by, string message, DateTimeOffset? oldExpiry, DateTimeOffset newExpiry, DateTimeOffset now, IReadOnlyList<string>? notes = null)
    {
        var row = RefreshAttempt.Open(settings.Provider.Name, new(settings.Name, RefreshTrigger.Manual, by), message, node.Value, now);
        row.End(AttemptResult.Succeeded(message, notes is { Count: > 0 } ? JsonSerializer.Serialize(new { notes }) : "{}", oldExpiry, newExpiry, TimeSpan.Zero), now);
        db.Attempts.Add(row);
    }

    // A refresh that ends between read and write changes the lease or the version: read again, and change that.
    private async Task<bool> ChangeAsync(string name, Func<TokenRefreshDbContext, Token, DateTimeOffset, Task<TokenChange?>> change, CancellationToken cancellationToken)
    {
        var key = name.ToLowerInvariant();
        for (var tries = 1; ; tries++)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var token = await db.Tokens.SingleOrDefaultAsync(token => token.Name == key && token.Origin != Origin.Undeclared, cancellationToken) ?? throw new ArgumentException($"No token {name}.", nameof(name));
            if (await change(db, token, clock.GetUtcNow()) is not { } made)
            {
                return false;
            }

            try
            {
                if (await store.ApplyAsync(db, token, made, cancellationToken))
                {
                    return true;
                }

                if (tries == Tries)
                {
                    throw new DbUpdateConcurrencyException($"The row of {name} changes at each look.");
                }
            }
            catch (DbUpdateException error) when (tries < Tries && error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
            {
            }
        }
    }
}
