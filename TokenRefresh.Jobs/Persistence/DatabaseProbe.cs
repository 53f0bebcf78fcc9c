using Microsoft.Extensions.Logging;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Does the database take writes? Only a write tells: a standby, and a database that was set read-only, answer every question.</summary>
public sealed partial class DatabaseProbe(
    Heartbeats heartbeats, DatabaseSessions sessions, TimeProvider clock, ILogger<DatabaseProbe> log)
{
    /// <summary>The name of the row that is written.</summary>
    internal const string Name = "database";

    /// <summary>Anyone may ask for health; the database is not written to more often than this for it.</summary>
    private static readonly TimeSpan AskedApart = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private Task<string?>? look;
    private long lookedAt;
    private long? failingSince;

    /// <summary>Null where it takes writes, else why not, as a phrase.</summary>
    public Task<string?> WhyNotAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (look is null || (look.IsCompleted && clock.GetElapsedTime(lookedAt) > AskedApart))
            {
                (look, lookedAt) = (LookAsync(), clock.GetTimestamp());
            }

            return look.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Writes once, and notes what came of it.</summary>
    /// <exception cref="NpgsqlException">The database is unreachable or read-only.</exception>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await heartbeats.BeatAsync(Name, cancellationToken);
            NoteSuccess();
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            NoteFailure(error);
            throw;
        }
    }

    private async Task<string?> LookAsync()
    {
        try
        {
            await WriteAsync(CancellationToken.None);
            return null;
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return DatabaseFaults.IsReadOnly(error) ? "database is read-only" : "database is unreachable";
        }
    }

    private void NoteFailure(Exception error)
    {
        if (DatabaseFaults.IsReadOnly(error))
        {
            sessions.End();
        }

        lock (gate)
        {
            if (failingSince is not null)
            {
                return;
            }

            failingSince = clock.GetTimestamp();
        }

        LogTakesNone(DatabaseFaults.InWords(error));
    }

    private void NoteSuccess()
    {
        TimeSpan lasted;
        lock (gate)
        {
            if (failingSince is not { } since)
            {
                return;
            }

            (failingSince, lasted) = (null, clock.GetElapsedTime(since));
        }

        sessions.End();
        LogTakesAgain(Math.Round(lasted.TotalSeconds));
    }

    [LoggerMessage(1043, LogLevel.Error, "The database does not accept writes ({Error}); valid tokens are served, and nothing is refreshed until it does")]
    private partial void LogTakesNone(string error);

    [LoggerMessage(1044, LogLevel.Information, "The database accepts writes again, after {Seconds} s")]
    private partial void LogTakesAgain(double seconds);
}
