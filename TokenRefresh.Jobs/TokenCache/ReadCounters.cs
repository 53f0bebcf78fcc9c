using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>Notes that clients were used; the room that knows their keys does it.</summary>
public interface IClientUse
{
    /// <summary>Notes it in the transaction of the caller.</summary>
    Task NoteAsync(TokenRefreshDbContext db, IReadOnlyCollection<string> clientIds, DateTimeOffset at, CancellationToken cancellationToken);
}

/// <summary>Counts reads in memory and writes them down once a minute: to each token's last use, and to the hourly counts of each client.</summary>
public sealed partial class ReadCounters(IDbContextFactory<TokenRefreshDbContext> contexts, IClientUse clients, TimeProvider clock, ILogger<ReadCounters> log)
{
    private bool isAwayTold;
    private readonly ConcurrentDictionary<(string ClientId, string Token), Count> counts = new();

    /// <summary>Counts one read. No allocation once a client has read a token.</summary>
    /// <param name="clientId">The id of its key.</param>
    /// <param name="clientName">What people call it.</param>
    public void Add(string clientId, string clientName, string token) => Of(clientId, clientName, token).Read();

    /// <summary>Counts one request that found no valid token.</summary>
    /// <param name="clientId">The id of its key.</param>
    /// <param name="clientName">What people call it.</param>
    public void AddRefused(string clientId, string clientName, string token) => Of(clientId, clientName, token).Refuse();

    /// <summary>Writes down what was counted since the last time. What could not be written, for whatever reason, is kept for the next time.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        var taken = counts.Select(pair => (pair.Key.ClientId, pair.Key.Token, pair.Value, Counted: pair.Value.Take())).Where(read => read.Counted is not (0, 0)).ToList();
        if (taken.Count == 0)
        {
            return;
        }

        var isWritten = false;
        try
        {
            var now = clock.GetUtcNow();
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
            var tokens = taken.Where(read => read.Counted.Reads > 0).Select(read => read.Token).Distinct().ToList();
            await db.Tokens.Where(token => tokens.Contains(token.Name)).ExecuteUpdateAsync(row => row.SetProperty(token => token.LastUsedAt, now), cancellationToken);
            await clients.NoteAsync(db, [.. taken.Select(read => read.ClientId).Distinct()], now, cancellationToken);
            await ClientReads.AddAsync(db, taken.Select(read => new Consumer(read.Value.Actor, read.Token, read.Counted.Reads, read.Counted.Refused)), now, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            (isWritten, isAwayTold) = (true, false);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            // Tried again each minute, said once.
            if (!isAwayTold)
            {
                isAwayTold = true;
                LogKept(DatabaseFaults.InWords(error));
            }
        }
        finally
        {
            if (!isWritten)
            {
                taken.ForEach(read => read.Value.GiveBack(read.Counted));
            }
        }
    }

    private Count Of(string clientId, string clientName, string token) => counts.GetOrAdd((clientId, token), static (_, name) => new($"client:{name}"), clientName);

    private sealed class Count(string actor)
    {
        private long reads, refused;

        public string Actor => actor;

        public void Read() => Interlocked.Increment(ref reads);

        public void Refuse() => Interlocked.Increment(ref refused);

        public (long Reads, long Refused) Take() => (Interlocked.Exchange(ref reads, 0), Interlocked.Exchange(ref refused, 0));

        public void GiveBack((long Reads, long Refused) counted)
        {
            Interlocked.Add(ref reads, counted.Reads);
            Interlocked.Add(ref refused, counted.Refused);
        }
    }

    [LoggerMessage(1121, LogLevel.Warning, "Read counts are kept in memory until the database accepts them ({Error})")]
    private partial void LogKept(string error);
}
