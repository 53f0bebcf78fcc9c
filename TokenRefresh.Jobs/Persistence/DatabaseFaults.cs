using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Tells a database that is away from a mistake in a statement.</summary>
public static class DatabaseFaults
{
    /// <summary>True where waiting can help: no connection, shutting down, out of disk, memory or connections.</summary>
    public static bool IsAway(Exception error) => error.GetBaseException() switch
    {
        PostgresException postgres => postgres.SqlState[..2] is "08" or "25" or "53" or "57" or "58",
        DbException or IOException or TimeoutException or SocketException => true,
        _ => false,
    };

    /// <summary>True where the database took a transaction back for the sake of another one, as at a deadlock: the same again succeeds.</summary>
    public static bool IsTakenBack(Exception error) => error.GetBaseException() is PostgresException { SqlState: ['4', '0', ..] };
}
