using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>What became of an answer.</summary>
/// <param name="IsSaved">False where a newer token was stored first, so that this one was dropped.</param>
/// <param name="Version">The stored version.</param>
internal readonly record struct StoredVersion(bool IsSaved, long Version);

/// <summary>
/// The one conditional write for an answer whose usual save did not come through: the row changed under it, the database was away, the process died,
/// or the database went back in time. Repeating it changes nothing.
/// </summary>
public sealed class TokenStore(IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, TokenVersions versions, TimeProvider clock)
{
    internal const string WrittenAnew = "The database had lost this row; it was written again.";

    /// <summary>Hears of each token that this node has stored: it is held here from then on, whatever becomes of the database.</summary>
    internal event Action<Token>? Stored;

    /// <summary>A token was stored in the usual way.</summary>
    internal void NoteStored(Token token)
    {
        versions.Note(token.Name, token.Version);
        Stored?.Invoke(token);
    }

    /// <summary>Saves the token and closes its attempt in one transaction, unless a newer token is stored.</summary>
    internal async Task<StoredVersion> SaveAsync(UnsavedToken answer, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = clock.GetUtcNow();
        var token = await LockAsync(db, answer.Token, cancellationToken);
        var attempt = await (answer.Attempt?.In(db.Attempts) ?? db.Attempts.Where(row => row.Id == answer.AttemptId && row.TokenName == answer.Token))
            .OrderBy(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        var saved = await DecideAsync(db, token, attempt, answer, cancellationToken);
        if (saved == Fate.Due)
        {
            versions.Note(token.Name, answer.ReadVersion);
            token.AcceptSealed(answer, versions.After(token.Name, token.Version), now);
        }

        if (token.LeaseOwner == answer.LeaseOwner)
        {
            // Else it would run out, and what has just been saved be called an unknown outcome.
            token.Release();
        }

        Close(db, attempt, answer, saved, now);
        await AttemptHours.SaveAsync(db, attempt?.StartedAt ?? answer.Attempt?.StartedAt ?? now, now, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        NoteStored(token);
        return new(saved != Fate.Overtaken, token.Version);
    }

    /// <summary>
    /// What stored a newer token than an attempt would. Whoever stores one writes a row, and the database numbers the rows in the order of the calls;
    /// two nodes' clocks may differ by more than those lie apart.
    /// </summary>
    internal static IQueryable<RefreshAttempt> Overtaking(TokenRefreshDbContext db, string token, long attempt) =>
        db.Attempts.Where(row => row.TokenName == token && row.Id > attempt && row.Status == AttemptStatus.Success);

    private static async Task<Fate> DecideAsync(
        TokenRefreshDbContext db, Token token, RefreshAttempt? attempt, UnsavedToken answer, CancellationToken cancellationToken)
    {
        if (attempt?.Status == AttemptStatus.Success || token.AccessToken == answer.AccessToken)
        {
            return Fate.Stored;
        }

        // A database that has lost the attempt's row went back in time, and with it the token's row: what is there now is as old as what was renewed, or
        // older, unless its version lies past it and was not saved back from an older one.
        var isOvertaken = attempt is null
            ? (token.RestoredFrom ?? token.Version) > answer.ReadVersion
            : token.Version != answer.ReadVersion && await Overtaking(db, token.Name, attempt.Id).AnyAsync(cancellationToken);
        return isOvertaken ? Fate.Overtaken : Fate.Due;
    }

    private static void Close(TokenRefreshDbContext db, RefreshAttempt? attempt, UnsavedToken answer, Fate fate, DateTimeOffset now)
    {
        var isLost = attempt is null;
        if (attempt is null)
        {
            if (answer.Attempt is not { } row)
            {
                return;
            }

            attempt = row.Open();
            db.Attempts.Add(attempt);
        }

        var took = TimeSpan.FromMilliseconds(answer.DurationMs ?? 0);
        if (fate == Fate.Overtaken)
        {
            if (attempt.Status == AttemptStatus.Running)
            {
                attempt.Supersede(RefreshCommitter.Overtaken, answer.AttemptMetadata, now, took);
            }
        }
        else if (attempt.Status != AttemptStatus.Success)
        {
            var message = answer.Attempt?.Message ?? "Refreshed; saved after the database was back.";
            attempt.Succeed(isLost ? $"{message} {WrittenAnew}" : message, answer.AttemptMetadata, now, took);
        }
    }

    // A row that the database has lost altogether, or never had, is made here.
    private async Task<Token> LockAsync(TokenRefreshDbContext db, string name, CancellationToken cancellationToken)
    {
        if ((await db.Tokens.FromSql($"SELECT * FROM tokens WHERE name = {name} FOR UPDATE").AsTracking().ToListAsync(cancellationToken)) is [var token])
        {
            return token;
        }

        var made = Token.New(name, clock.GetUtcNow());
        if (configured.Find(name) is { } settings)
        {
            made.Configure(settings);
        }

        db.Tokens.Add(made);
        await db.SaveChangesAsync(cancellationToken);
        return made;
    }

    private enum Fate
    {
        Due,
        Stored,
        Overtaken,
    }
}
