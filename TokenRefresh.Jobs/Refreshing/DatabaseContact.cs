using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>
/// Since when this node has been in touch with the database. After an outage every lease may have run out, or be lost, while its holder waits to save what
/// the provider issued; a node that took the token over in that moment would send a used refresh token. So no node does until the holders had time to save.
/// </summary>
public sealed class DatabaseContact(TimeProvider clock) : IDbConnectionInterceptor, IDbCommandInterceptor
{
    /// <summary>
    /// For this long after contact was lost no token is leased: all nodes were cut off together, each tries once a second to get back, and the first thing that it
    /// does then is to save what it holds.
    /// </summary>
    public static readonly TimeSpan Moment = TimeSpan.FromSeconds(5);

    /// <summary>For leases that have run out: the longest that a holder pauses between two tries to save, and a little more.</summary>
    private static readonly TimeSpan Turn = RefreshCommitter.LongestWait + TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private TaskCompletionSource returned = new();
    private long? lostAt;
    private long? cutAt;

    /// <summary>False for a while after the database was away: leases that have run out are not taken back.</summary>
    public bool IsSteady
    {
        get
        {
            lock (gate)
            {
                return lostAt is not { } at || clock.GetElapsedTime(at) > Turn;
            }
        }
    }

    /// <summary>How long no token is to be leased; zero for not at all.</summary>
    public TimeSpan HoldsBackFor
    {
        get
        {
            lock (gate)
            {
                return cutAt is { } at && Moment - clock.GetElapsedTime(at) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
            }
        }
    }

    /// <summary>The database may have been away, for all that this node can know.</summary>
    public void Lost()
    {
        lock (gate)
        {
            lostAt = clock.GetTimestamp();
        }
    }

    /// <summary>Contact was lost just now, or has just come back.</summary>
    public void Cut()
    {
        lock (gate)
        {
            lostAt = cutAt = clock.GetTimestamp();
        }
    }

    /// <summary>The database is back: everything that waits to be saved is tried at once.</summary>
    public void Return()
    {
        TaskCompletionSource waiting;
        lock (gate)
        {
            (waiting, returned) = (returned, new());
        }

        waiting.SetResult();
    }

    /// <summary>Ends once the database is back, or after <paramref name="longest"/>.</summary>
    public async Task WaitForReturnAsync(TimeSpan longest, TimeProvider waiting, CancellationToken cancellationToken)
    {
        Task back;
        lock (gate)
        {
            back = returned.Task;
        }

        try
        {
            await back.WaitAsync(longest, waiting, cancellationToken);
        }
        catch (TimeoutException)
        {
            // The caller tries again all the same.
        }
    }

    /// <inheritdoc />
    public void ConnectionFailed(DbConnection connection, ConnectionErrorEventData eventData) => Note(eventData.Exception);

    /// <inheritdoc />
    public Task ConnectionFailedAsync(DbConnection connection, ConnectionErrorEventData eventData, CancellationToken cancellationToken = default) => NoteAsync(eventData.Exception);

    /// <inheritdoc />
    public void CommandFailed(DbCommand command, CommandErrorEventData eventData) => Note(eventData.Exception);

    /// <inheritdoc />
    public Task CommandFailedAsync(DbCommand command, CommandErrorEventData eventData, CancellationToken cancellationToken = default) => NoteAsync(eventData.Exception);

    private Task NoteAsync(Exception error)
    {
        Note(error);
        return Task.CompletedTask;
    }

    /// <summary>Notes what a statement failed with.</summary>
    public void Note(Exception error)
    {
        if (DatabaseFaults.IsCut(error))
        {
            Cut();
        }
        else if (DatabaseFaults.IsAway(error))
        {
            Lost();
        }
    }
}
