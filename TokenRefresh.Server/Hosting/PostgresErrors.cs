using System.Data.Common;
using System.Net.Sockets;
using Npgsql;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>Errors of Postgres, and of the way to it, as one line that says what to do.</summary>
internal static class PostgresErrors
{
    private const string OwnSetting = "ConnectionStrings__TokenRefresh";

    /// <summary>True where the database, or the way to it, is at fault, however deep in the exception that is told.</summary>
    public static bool IsOfDatabase(Exception error) => Find(error) is not null;

    /// <summary>True where the database may be there in a moment. A wrong password, an unknown database, a missing right or a limit of the role does not right itself.</summary>
    public static bool IsWorthWaiting(Exception error) => Find(error) switch
    {
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => false,
        PostgresException postgres => DatabaseFaults.IsAway(postgres) && !DatabaseFaults.IsShut(postgres) && !IsRefusedByPooler(postgres),

        // What the client itself decides, such as that the server has no encryption to offer, has no cause within.
        NpgsqlException broken => broken.IsTransient,
        SocketException => true,
        _ => false,
    };

    /// <summary>What the database says, alone.</summary>
    public static string Words(Exception error) => Find(error) switch
    {
        // A value may be in the message.
        PostgresException { SqlState: ['2', '2', ..] } => "a value was rejected",
        PostgresException postgres => OneLine.Of(postgres.MessageText),
        var found => OneLine.Of((found ?? error).GetBaseException().Message),
    };

    /// <summary>What the database says, and what to do.</summary>
    /// <param name="setting">What the database is named by.</param>
    public static string Line(Exception error, string setting = OwnSetting) => $"{Words(error).TrimEnd('.')}{(Find(error) is PostgresException postgres ? $" (SQLSTATE {postgres.SqlState})" : "")}. {Advice(Find(error), setting)}";

    private static string Advice(Exception? error, string setting) => (error as PostgresException)?.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword => $"Check the user and the password in {setting}.",
        PostgresErrorCodes.InvalidAuthorizationSpecification => $"Check the user in {setting}, the server's pg_hba.conf, and set SSL Mode=Require if the server requires encryption.",
        PostgresErrorCodes.InvalidCatalogName => $"Check {setting}, or create the database: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        PostgresErrorCodes.InsufficientPrivilege =>
            "The role needs USAGE on the program's schema and on hangfire (and on sandbox if it is enabled), SELECT, INSERT, UPDATE and DELETE on all tables in them and USAGE on their sequences; only 'db migrate' needs CREATE, and another role can run it.",
        PostgresErrorCodes.TooManyConnections => $"Raise max_connections in Postgres, or lower Maximum Pool Size in {setting}.",
        PostgresErrorCodes.DiskFull => "Free space on the database's disk.",
        PostgresErrorCodes.ReadOnlySqlTransaction => $"The database is read-only: a replica, or default_transaction_read_only is on. Use the primary in {setting}, or turn that off.",
        PostgresErrorCodes.QueryCanceled => "A statement exceeded statement_timeout of the database or role, or was cancelled. Raise the timeout, or try again.",
        PostgresErrorCodes.LockNotAvailable => "A lock was not available in time (lock_timeout). Try again, or raise the timeout.",
        PostgresErrorCodes.DuplicatePreparedStatement or PostgresErrorCodes.InvalidSqlStatementName =>
            "The cause is a connection pooler in transaction mode, such as PgBouncer: set pool_mode = session for this database, or connect to Postgres directly.",
        PostgresErrorCodes.ProtocolViolation => $"If a connection pooler such as PgBouncer is in between, check its settings and log; or connect to Postgres directly in {setting}.",
        PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown => "The server is starting or stopping; try again in a moment.",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.InvalidSchemaName =>
            "The schema does not match this version; 'db status' shows pending migrations, 'db migrate' applies them.",
        ['2', '2', ..] => "A value was not stored; check the input.",
        ['4', '0', ..] => "The transaction was rolled back because of a conflict; try again.",
        ['5', '3', ..] => "The database is out of resources; see its log.",
        null => $"Check {setting} and that Postgres is running.",
        _ => "See the database's log.",
    };

    // PgBouncer has one state for all that it refuses itself; what it says of a server that it cannot reach is worth waiting for.
    private static bool IsRefusedByPooler(PostgresException refused) => refused.SqlState == PostgresErrorCodes.ProtocolViolation
        && !refused.MessageText.Contains("server", StringComparison.OrdinalIgnoreCase);

    // What Postgres said, or else the outermost of the chain that is about the database. A time-out or an I/O error alone may be anything's.
    private static Exception? Find(Exception error)
    {
        for (var at = error; at is not null; at = at.InnerException)
        {
            if (at is AggregateException many && many.InnerExceptions.Select(Find).FirstOrDefault(found => found is not null) is { } inside)
            {
                return inside;
            }

            if (at is DbException or SocketException)
            {
                return at.GetBaseException() is PostgresException said ? said : at;
            }
        }

        return null;
    }
}
