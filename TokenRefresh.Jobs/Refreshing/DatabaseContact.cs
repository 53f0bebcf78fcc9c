using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>
/// Since when this node has been in touch with the database. After an outage every lease may have run out while its holder waits to save what the
/// provider issued; whoever took the token over in that moment would send a used refresh token. So nobody does until the holders had their turn.
/// </summary>
public sealed class DatabaseContact(TimeProvider clock) : IDbConnectionInterceptor, IDbCommandInterceptor
{
    /// <summary>The longest that a holder pauses between two tries to save, and a little more.</summary>
    private static readonly TimeSpan Turn = Settlement.LongestWait + TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private long? lostAt;

    /// <summary>False for a while after the database was away.</summary>
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

    /// <summary>The database is away, or was for all that this node can know.</summary>
    public void Lost()
    {
        lock (gate)
        {
            lostAt = clock.GetTimestamp();
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

    private void Note(Exception error)
    {
        if (DatabaseFaults.IsAway(error))
        {
            Lost();
        }
    }
}
