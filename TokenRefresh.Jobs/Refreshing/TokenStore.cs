using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>What became of a write.</summary>
/// <param name="IsSaved">False where a newer token was stored first, so that this one was dropped.</param>
/// <param name="Version">The stored version.</param>
internal readonly record struct StoredVersion(bool IsSaved, long Version);

/// <summary>
/// The one way to write a token, for refreshes, imports and what was kept on disk alike. Each write is conditional on the version and the lease that its
/// change was made from: a stale writer loses.
/// </summary>
public sealed class TokenStore(
    IDbContextFactory<TokenRefreshDbContext> contexts, IRefreshWrites writes, ConfiguredTokens configured, TokenVersions versions, TimeProvider clock)
{
    internal const string WrittenAnew = "The database had lost this row; it was written again.";

    /// <summary>Hears of each token that this node has stored: it is held here from then on, whatever becomes of the database.</summary>
    internal event Action<Token>? Stored;

    /// <summary>Writes what a refresh came to, with its attempt's row, where the token's row is still as it was read; with others that are ready at the same time.</summary>
    /// <param name="read">The row as it was read under the lease; it stays as it is.</param>
    /// <param name="attempt">A row that was written before the call and has ended now, or a new one; null for none.</param>
    /// <returns>The row as it is now; null where it has another version, lease or pause by now, and nothing was written.</returns>
    internal async Task<Token?> ApplyAsync(Token read, TokenChange change, RefreshAttempt? attempt)
    {
        try
        {
            if (await writes.SaveAsync(new(read, After(read, change), attempt, read.GapEndedBy(change)), CancellationToken.None) is not { } written)
            {
                return null;
            }

            NoteStored(written, change);
            return written;
        }
        catch (Exception error) when (error.GetBaseException() is PostgresException { ConstraintName: UnavailableInterval.KeyName })
        {
            // A person has paused the token since it was read, or ended its pause: the gap until then is recorded already.
            return null;
        }
    }

    /// <summary>The row as it will be once a change of it is written.</summary>
    internal Token After(Token read, TokenChange change) => read.With(change, versions.After(read.Name, read.Version));

    /// <summary>Writes a change, and whatever else the context holds, in one transaction, where the row is still as it was read.</summary>
    /// <param name="read">The row as it was read, tracked by <paramref name="db"/>; it takes the change over.</param>
    /// <returns>False where the row has another version, lease or pause by now, and nothing was written.</returns>
    internal async Task<bool> ApplyAsync(TokenRefreshDbContext db, Token read, TokenChange change, CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(db, read, change, cancellationToken);
        }
        catch (DbUpdateException error) when (error is DbUpdateConcurrencyException or { InnerException: PostgresException { ConstraintName: UnavailableInterval.KeyName } })
        {
            // A person has paused the token since it was read, or ended its pause: the gap until then is recorded already.
            return false;
        }

        NoteStored(read, change);
        return true;
    }

    /// <summary>
    /// Writes what a refresh came to, where the usual write did not come through: the row changed under it, the database was away, the process died, or the
    /// database went back in time. Looks first at what is stored, so that repeating it changes nothing.
    /// </summary>
    internal async Task<StoredVersion> ApplyAsync(TokenWrite write, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await LockAsync(db, write.Token, cancellationToken) is not { } token)
        {
            return await CloseOfRemovedAsync(db, write, cancellationToken);
        }

        var attempt = await (write.Attempt?.In(db.Attempts) ?? db.Attempts.Where(row => row.Id == write.AttemptId && row.TokenName == write.Token))
            .OrderBy(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        var fate = await DecideAsync(db, token, attempt, write, cancellationToken);
        Close(db, attempt, write, fate);
        if (fate == Fate.Due)
        {
            versions.Note(token.Name, write.Version);
        }

        // A lease of ours is given back whatever was stored, or it would run out and what has just been saved be called an unknown outcome; another's never is.
        await WriteAsync(db, token, (fate == Fate.Due ? write.Change : new(token.Name)) with { EndsRefresh = token.LeaseOwner == write.Lease }, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        NoteStored(token, write.Change);
        return new(fate != Fate.Overtaken, token.Version);
    }

    /// <summary>
    /// What stored a newer token than an attempt would. Every store writes a row, and the database numbers the rows in the order of the calls;
    /// two nodes' clocks may differ by more than those lie apart.
    /// </summary>
    internal static IQueryable<RefreshAttempt> Overtaking(TokenRefreshDbContext db, string token, long attempt) =>
        db.Attempts.Where(row => row.TokenName == token && row.Id > attempt && row.Status == AttemptStatus.Success);

    private async Task WriteAsync(TokenRefreshDbContext db, Token read, TokenChange change, CancellationToken cancellationToken)
    {
        if (read.GapEndedBy(change) is { } gap)
        {
            db.UnavailableIntervals.Add(gap);
        }

        read.Apply(change, versions.After(read.Name, read.Version));
        var now = clock.GetUtcNow();
        var since = db.ChangeTracker.Entries<RefreshAttempt>().Where(row => row.State is EntityState.Added or EntityState.Modified).Select(row => row.Entity.StartedAt).DefaultIfEmpty(now).Min();
        await AttemptHours.SaveAsync(db, since, now, cancellationToken);
    }

    private void NoteStored(Token token, TokenChange change)
    {
        if (change.TakesNewVersion)
        {
            versions.Note(token.Name, token.Version);
            Stored?.Invoke(token);
        }
    }

    private static async Task<Fate> DecideAsync(
        TokenRefreshDbContext db, Token token, RefreshAttempt? attempt, TokenWrite write, CancellationToken cancellationToken)
    {
        if (write.Change.Stored is not { } issued)
        {
            // A failure says nothing of a token that changed under it.
            return token.Version == write.Version && token.LeaseOwner == write.Lease ? Fate.Due : Fate.Stored;
        }

        if (attempt?.Status == AttemptStatus.Success || token.AccessToken == issued.AccessToken)
        {
            return Fate.Stored;
        }

        if (attempt?.Status == AttemptStatus.Skipped)
        {
            // It was found overtaken before, and its row may be a new one, under a number past that of what overtook it.
            return Fate.Overtaken;
        }

        // A database that has lost the attempt's row went back in time, and with it the token's row: what is there now is as old as what was renewed, or
        // older, unless its version lies past it and was not saved back from an older one.
        var isOvertaken = attempt is null
            ? token.IsPast(write.Version)
            : token.Version != write.Version && await Overtaking(db, token.Name, attempt.Id).AnyAsync(cancellationToken);
        return isOvertaken ? Fate.Overtaken : Fate.Due;
    }

    private void Close(TokenRefreshDbContext db, RefreshAttempt? attempt, TokenWrite write, Fate fate)
    {
        var isLost = attempt is null;
        if (attempt is null)
        {
            if (write.Attempt is not { } row)
            {
                return;
            }

            attempt = row.Open();
            db.Attempts.Add(attempt);
        }

        if (fate == Fate.Overtaken)
        {
            if (attempt.Status == AttemptStatus.Running)
            {
                attempt.End(write.Result.Overtaken(RefreshCommitter.Overtaken), clock.GetUtcNow());
            }
        }
        else if (attempt.Status != AttemptStatus.Success)
        {
            var isWrittenAnew = isLost && write.Change.TakesNewVersion;
            attempt.End(isWrittenAnew ? write.Result with { Message = $"{write.Result.Message} {WrittenAnew}" } : write.Result, clock.GetUtcNow());
        }
    }

    private async Task<StoredVersion> CloseOfRemovedAsync(TokenRefreshDbContext db, TokenWrite write, CancellationToken cancellationToken)
    {
        if (await db.Attempts.FirstOrDefaultAsync(row => row.Id == write.AttemptId && row.TokenName == write.Token, cancellationToken) is { Status: AttemptStatus.Running } attempt)
        {
            attempt.End(write.Result.Overtaken("The token was removed meanwhile."), clock.GetUtcNow());
            await AttemptHours.SaveAsync(db, attempt.StartedAt, clock.GetUtcNow(), cancellationToken);
            await db.Database.CommitTransactionAsync(cancellationToken);
        }

        return new(false, write.Version);
    }

    // A declared token's row that the database has lost altogether, or never had, is made here; null for a token that was removed.
    private async Task<Token?> LockAsync(TokenRefreshDbContext db, string name, CancellationToken cancellationToken)
    {
        if ((await db.Tokens.FromSql($"SELECT * FROM tokens WHERE name = {name} FOR UPDATE").AsTracking().ToListAsync(cancellationToken)) is [var token])
        {
            return token;
        }

        if (configured.Find(name) is not { } settings || await db.RemovedTokens.AnyAsync(removed => removed.Name == name, cancellationToken))
        {
            return null;
        }

        var made = Token.New(name, clock.GetUtcNow());
        made.Configure(settings);
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
