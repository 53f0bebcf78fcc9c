using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>Takes rows that were read into the slots, and notices where the database has gone back in time.</summary>
internal sealed partial class CachedTokenLoader(
    HeldTokens slots, ConfiguredTokens configured, IDbContextFactory<TokenRefreshDbContext> contexts, SecretProtection secrets, RestoredTokens restored, TokenVersions versions, TimeProvider clock, ILogger log)
{
    public async Task<IReadOnlyList<Token>> ReadAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Tokens.AsNoTracking().Where(token => names.Contains(token.Name)).ToListAsync(cancellationToken);
    }

    /// <summary>Takes in what was read. What is older than what was read before is looked into: a database that went back in time gets back what this node holds.</summary>
    /// <param name="asked">The names that were asked for.</param>
    public async Task TakeAsync(IReadOnlyList<Token> rows, IEnumerable<string> asked, CancellationToken cancellationToken)
    {
        var found = rows.ToDictionary(row => row.Name, StringComparer.Ordinal);
        asked = [.. asked];
        var stale = asked.Where(name => IsStale(name, found.GetValueOrDefault(name))).Order(StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
        foreach (var row in rows.Where(row => !stale.Contains(row.Name)))
        {
            Swap(row);
        }

        DropRemoved(asked.Where(name => !found.ContainsKey(name) && !stale.Contains(name)));

        if (stale.Count == 0)
        {
            return;
        }

        try
        {
            foreach (var name in stale)
            {
                if (slots.Find(name) is not { } slot)
                {
                    // It was let go meanwhile.
                    continue;
                }

                await restored.RepairAsync(new(name, slot.IsDistrusted ? null : slot.Stored?.Whole, slot.IsKnown), cancellationToken);
            }

            rows = await ReadAsync(stale, cancellationToken);
            DropRemoved(stale.Except(rows.Select(row => row.Name)));
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error) || DatabaseFaults.IsTakenBack(error) || error is DbUpdateConcurrencyException)
        {
            // It is looked into again at the next reading; until then what is held is served while it is valid.
        }

        foreach (var row in rows.Where(row => stale.Contains(row.Name)))
        {
            Swap(row);
        }
    }

    /// <summary>Serves what a row holds, unless something newer is served.</summary>
    /// <param name="isSaved">False where it is only about to be a row.</param>
    public void Swap(Token token, bool isSaved = true)
    {
        if (token.Origin == Origin.Undeclared)
        {
            slots.Drop(token.Name);
            return;
        }

        if (slots.Hold(token, isNeeded: !isSaved) is not { } slot)
        {
            versions.Forget(token.Name);
            return;
        }

        // Two readings may end at once, and the older version must not win; but what has expired is not worth keeping from a database that lagged.
        lock (slot)
        {
            if (slot.Entry is { } held && held.Version > token.Version && held.ExpiresAt > clock.GetUtcNow() && !(slot.IsDistrusted && held.IsSaved))
            {
                return;
            }

            slot.IsDistrusted = false;
            token = KeptRow.Shared(token);
            if (isSaved)
            {
                if (slot.Stored is not { WithoutSecrets: var last } || !last.IsDefinedAs(token))
                {
                    slot.Settings = configured.Of(token);
                }

                if (token.Version >= versions.HighestOf(token.Name))
                {
                    slot.NoteStored(token);
                }

                versions.Note(token.Name, token.Version);
            }

            try
            {
                // Opened again only where it is another one.
                slot.Serve(slot.Entry is { AccessToken: not null, IsSaved: true } known && known.SealedAs == CachedToken.Digest(token.AccessToken)
                    ? new CachedToken(token, known.AccessToken, known.Tag)
                    : Opened(token, isSaved));
            }
            catch (CryptographicException)
            {
                LogSealed(token.Name);
            }
        }
    }

    // What is in this node's hands alone is not gone for having no row.
    private void DropRemoved(IEnumerable<string> names)
    {
        foreach (var name in names.Where(name => slots.Find(name) is not { Entry.IsSaved: false }))
        {
            slots.Drop(name);
        }
    }

    private bool IsStale(string name, Token? row) => slots.Find(name) is { } slot
        && (row is null ? slot.Stored is not null : restored.IsStale(row, slot.Stored?.WithoutSecrets));

    private CachedToken Opened(Token token, bool isSaved)
    {
        var access = token.AccessToken is null ? null : secrets.OpenAccess(token.Name, token.AccessToken);
        return new(token, access, secrets.Tag(token.Name, access), isSaved);
    }

    [LoggerMessage(1103, LogLevel.Error, "The stored token {Token} cannot be decrypted with this node's keys")]
    private partial void LogSealed(string token);
}
