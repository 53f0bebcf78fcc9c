using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>
/// What a node does when the database is back, which may be another one now, and behind: it saves what it holds and takes up again what it is at,
/// and only a moment later does any node lease a token.
/// </summary>
public sealed partial class DatabaseReturn(
    IDbContextFactory<TokenRefreshDbContext> contexts, DatabaseProbe probe, Heartbeats heartbeats, UnsavedTokenSpool unsaved, DatabaseContact contact, TimeProvider clock, ILogger<DatabaseReturn> log)
{
    /// <summary>The row that tells a process that starts just now when a node was last back.</summary>
    private const string Name = "database_return";

    /// <summary>Where contact is lost again and again, tokens are leased all the same after this.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, OpenAttempt> open = new(StringComparer.Ordinal);
    private volatile bool hasAsked;

    /// <summary>Writes, takes up what is in flight, and saves what could not be saved. To be called as soon as there is a connection.</summary>
    /// <param name="wasCut">False at a start.</param>
    /// <exception cref="Npgsql.NpgsqlException">The database takes no writes.</exception>
    public async Task RunAsync(bool wasCut, CancellationToken cancellationToken)
    {
        if (wasCut)
        {
            await probe.WriteAsync(cancellationToken);
            contact.Cut();
            await heartbeats.BeatAsync(Name, cancellationToken);
            foreach (var attempt in open.Values)
            {
                await TakeUpAsync(attempt, cancellationToken);
            }
        }

        await unsaved.ReplayAsync(cancellationToken);
        contact.Return();
    }

    /// <summary>Notes that the provider is being asked, until the answer is saved.</summary>
    /// <param name="version">The stored version that is renewed.</param>
    internal IDisposable Begin(string owner, TimeSpan leaseSpan, long version, AttemptRow attempt)
    {
        open[owner] = new(owner, leaseSpan, version, attempt);
        return new End(open, owner);
    }

    /// <summary>To be asked before a token is leased: waits where the database was back only a moment ago.</summary>
    internal async Task HoldBackAsync(CancellationToken cancellationToken)
    {
        if (hasAsked && contact.HoldsBackFor == TimeSpan.Zero)
        {
            return;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (!hasAsked)
        {
            await AskOthersAsync(db, cancellationToken);
        }

        for (var since = clock.GetTimestamp(); contact.HoldsBackFor is var rest && rest > TimeSpan.Zero && clock.GetElapsedTime(since) < LongestHold;)
        {
            // A caller that finds it unreachable or read-only learns it from the lease's own statement.
            if (await db.Database.SqlQuery<bool>($"SELECT current_setting('transaction_read_only') = 'on' AS \"Value\"").SingleAsync(cancellationToken))
            {
                return;
            }

            // A timer counts whole milliseconds.
            await Task.Delay(rest + TimeSpan.FromMilliseconds(1), clock, cancellationToken);
        }
    }

    private async Task AskOthersAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        var isJustBack = await db.Database.SqlQuery<bool>(
            $"""SELECT EXISTS (SELECT FROM heartbeats WHERE name = {Name} AND beat_at > clock_timestamp() - {DatabaseContact.Moment}) AS "Value" """).SingleAsync(cancellationToken);
        hasAsked = true;
        if (isJustBack)
        {
            contact.Cut();
        }
    }

    // An attempt whose row the database has lost has lost its lease too, or holds one that the database has given to an earlier holder.
    private async Task TakeUpAsync(OpenAttempt attempt, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var row = attempt.Row;

        // Written again, the row gets a new number: where another has stored a newer token meanwhile, this attempt would look like the later one.
        if (await row.In(db.Attempts).AnyAsync(cancellationToken)
            || await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == row.Token, cancellationToken) is not { } stored
            || stored.IsPast(attempt.Version)
            || await db.Database.ExecuteSqlAsync(
                $"UPDATE tokens SET lease_owner = {attempt.Owner}, lease_until = clock_timestamp() + {attempt.LeaseSpan} WHERE name = {row.Token} AND version = {stored.Version}", cancellationToken) == 0)
        {
            return;
        }

        db.Attempts.Add(row.Open());
        await AttemptHours.SaveAsync(db, row.StartedAt, clock.GetUtcNow(), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogTakenUp(row.Token);
    }

    private sealed record OpenAttempt(string Owner, TimeSpan LeaseSpan, long Version, AttemptRow Row);

    private sealed class End(ConcurrentDictionary<string, OpenAttempt> open, string owner) : IDisposable
    {
        public void Dispose() => open.TryRemove(owner, out _);
    }

    [LoggerMessage(1051, LogLevel.Warning, "The database has lost the running attempt for {Token}; its lease and its row were written again")]
    private partial void LogTakenUp(string token);
}
