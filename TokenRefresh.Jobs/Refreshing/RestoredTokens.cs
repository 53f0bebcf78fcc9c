using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>A stored token that is older than what this node knows, and what it holds.</summary>
/// <param name="Held">The newest row that this node has read; null where what is stored is to count.</param>
/// <param name="IsKnown">Tells whether this node has read a row before that was issued at that instant.</param>
internal sealed record StaleToken(string Name, Token? Held, Func<DateTimeOffset?, bool> IsKnown);

/// <summary>
/// A database that went back in time (a failover that lost commits, a restored backup) stores older tokens than were served. The newer ones that a node still
/// holds are saved back, and versions go on past every one that was served, so that none ever names two tokens. All of it is told.
/// </summary>
public sealed partial class RestoredTokens(
    IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, SecretProtection secrets, TokenStore store, TokenVersions versions, NodeName node, TimeProvider clock, ILogger<RestoredTokens> log)
{
    /// <summary>The action of the audit's entries.</summary>
    public const string Action = "token.restored";

    private const int Tries = 10;

    /// <summary>True where the stored row is older than what this node has read before.</summary>
    internal bool IsStale(Token stored, Token? held) =>
        stored.Version < versions.HighestOf(stored.Name)

        // Another node has saved back an older one than this node holds.
        || (stored.RestoredFrom is { } from && held is not null && from < (held.RestoredFrom ?? held.Version) && held.Version < stored.Version);

    /// <summary>Saves one back, or only gives what is stored a version that no token had.</summary>
    /// <returns>True where it was still older, and is not any more.</returns>
    internal async Task<bool> RepairAsync(StaleToken stale, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                if (await TryRepairAsync(stale, cancellationToken) is { } isRepaired)
                {
                    return isRepaired;
                }
            }
            catch (DbUpdateException error) when (tries < Tries && error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
            {
                // Another node has made the missing row.
            }

            if (tries == Tries)
            {
                throw new DbUpdateConcurrencyException($"The row of {stale.Name} changes at each look.");
            }
        }
    }

    // Null where the row changed between read and write.
    private async Task<bool?> TryRepairAsync(StaleToken stale, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var row = await db.Tokens.AsTracking().SingleOrDefaultAsync(token => token.Name == stale.Name, cancellationToken);
        if (row is not null && !IsStale(row, stale.Held))
        {
            // What was read was old, not what is stored.
            return false;
        }

        if ((row ?? await MissingAsync(db, stale, cancellationToken)) is not { } token)
        {
            return false;
        }

        var (stored, known, version) = (token.Version, versions.HighestOf(token.Name), versions.After(token.Name, token.Version));
        var isSavedBack = stale.Held is { } held && IsNewer(held, token, stale.IsKnown) && CanBeOpened(held);
        db.Audit.Add(AuditEntry.Of(
            clock.GetUtcNow(), $"node:{node.Value}", Action, token.Name, new { stored_version = stored, known_version = known, version, saved_back = isSavedBack }));
        if (!await store.ApplyAsync(db, token, isSavedBack ? stale.Held!.Restored() : token.Renumbered(), cancellationToken))
        {
            return null;
        }

        if (isSavedBack)
        {
            LogSavedBack(token.Name, stored, known, token.Version);
        }
        else
        {
            LogRenumbered(token.Name, stored, known, token.Version);
        }

        return true;
    }

    // A row that was read before is older. One that was not may have been stored since the step back, by a process that knew nothing of it.
    private static bool IsNewer(Token held, Token stored, Func<DateTimeOffset?, bool> isKnown) =>
        held.AccessToken is not null && held.AccessToken != stored.AccessToken && (stored.AccessToken is null || isKnown(stored.IssuedAt) || stored.RestoredFrom is not null || held.IssuedAt > stored.IssuedAt);

    // The keys went back in time, too: what can no longer be decrypted is useless.
    private bool CanBeOpened(Token held)
    {
        try
        {
            _ = secrets.OpenAccess(held.Name, held.AccessToken!);
            _ = secrets.OpenRefresh(held.Name, held.RefreshToken);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    // Null for a token that was removed, or whose provider the database has lost, too.
    private async Task<Token?> MissingAsync(TokenRefreshDbContext db, StaleToken stale, CancellationToken cancellationToken)
    {
        var settings = configured.Find(stale.Name) ?? (stale.Held is { } held && configured.Of(held) is { Provider: not UnknownProvider } known ? known : null);
        if (settings is null || await db.RemovedTokens.AnyAsync(removed => removed.Name == stale.Name, cancellationToken))
        {
            return null;
        }

        var token = Token.New(stale.Name, clock.GetUtcNow());
        token.Configure(settings);
        db.Tokens.Add(token);
        return token;
    }

    [LoggerMessage(1063, LogLevel.Error, "The database went back in time: {Token} was stored as version {Known} and is version {Stored} now. This node saved its newer token as version {Version}")]
    private partial void LogSavedBack(string token, long stored, long known, long version);

    [LoggerMessage(1064, LogLevel.Error, "The database went back in time: {Token} was stored as version {Known} and is version {Stored} now. This node holds no newer token; the stored one is used as version {Version}")]
    private partial void LogRenumbered(string token, long stored, long known, long version);
}
