using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Tells a database that is away from a mistake in a statement.</summary>
public static class DatabaseFaults
{
    /// <summary>
    /// True where waiting can help: no connection, shutting down, not to be entered, out of disk, memory or connections, or broken. A role whose password
    /// was changed under a running program is away as well: unsaved tokens must be kept until it accepts connections again.
    /// </summary>
    public static bool IsAway(Exception error) => error.GetBaseException() switch
    {
        PostgresException postgres => postgres.SqlState[..2] is "08" or "25" or "53" or "55" or "57" or "58" or "XX" || IsShut(postgres),
        DbException or IOException or TimeoutException or SocketException => true,
        _ => false,
    };

    /// <summary>True where the server is there and takes no writes: a standby, or one that was set read-only.</summary>
    public static bool IsReadOnly(Exception error) => error.GetBaseException() is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction };

    /// <summary>
    /// True where contact with the server was lost, or it is not the one that takes writes: the next one that does may be another, and may be behind. A query that took
    /// too long, a full disk or too many connections are no such sign.
    /// </summary>
    public static bool IsCut(Exception error) => IsReadOnly(error) || error.GetBaseException() switch
    {
        PostgresException postgres => postgres.SqlState is ['0', '8', ..] or ['5', '7', 'P', ..],
        IOException or SocketException => true,
        _ => false,
    };

    /// <summary>The fault in a word or two, for a line of the log.</summary>
    public static string InWords(Exception error) => error.GetBaseException() switch
    {
        PostgresException postgres => IsReadOnly(postgres) ? "it is read-only" : $"{postgres.SqlState} {postgres.MessageText}",
        var cause => cause.GetType().Name,
    };

    /// <summary>True where the server is there and lets us not in: the role, its password or the database's name.</summary>
    public static bool IsShut(Exception error) => error.GetBaseException() is PostgresException { SqlState: ['2', '8', ..] or ['3', 'D', ..] };

    /// <summary>True where the database took a transaction back for the sake of another one, as at a deadlock: the same again succeeds.</summary>
    public static bool IsTakenBack(Exception error) => error.GetBaseException() is PostgresException { SqlState: ['4', '0', ..] };
}
