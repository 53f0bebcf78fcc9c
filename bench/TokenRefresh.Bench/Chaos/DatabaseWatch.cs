using Npgsql;

namespace TokenRefresh.Bench.Chaos;

/// <summary>Something that people had to be told of an incident, as its row says.</summary>
internal sealed record Transition(long Incident, DateTimeOffset At, bool IsEnd);

/// <summary>Looks at the database twice a second: is it there, and what do the incidents say that people were told?</summary>
internal sealed class DatabaseWatch : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly NpgsqlDataSource db;
    private readonly CancellationTokenSource stop = new();
    private readonly HashSet<Transition> transitions = [];
    private readonly Task watching;

    public DatabaseWatch(string connectionString)
    {
        db = NpgsqlDataSource.Create($"{connectionString};Timeout=2;Command Timeout=2;Application Name=chaos;Max Auto Prepare=0");
        watching = WatchAsync();
    }

    /// <summary>When it did not answer.</summary>
    public Spells Away { get; } = new();

    public IReadOnlyCollection<Transition> Transitions => transitions;

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await watching;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await db.DisposeAsync();
        stop.Dispose();
    }

    private async Task WatchAsync()
    {
        for (var last = Timeline.Now; !stop.IsCancellationRequested;)
        {
            var began = Timeline.Now;
            try
            {
                await LookAsync();
                Away.End(began);
                last = began;
            }
            catch (NpgsqlException)
            {
                Away.Begin(last);
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task LookAsync()
    {
        await using var look = db.CreateCommand("SELECT id, key, told_at, critical_told_at, last_told_at, recovery_told_at, was_mailed FROM incidents");
        await using var rows = await look.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            // What was never mailed, or is told by no mail, has no transition that a mail could belong to.
            if (!rows.GetBoolean(6))
            {
                continue;
            }

            // That the database is away is told past the outbox; only its end is not.
            for (var column = rows.GetString(1).EndsWith(":database", StringComparison.Ordinal) ? 5 : 2; column <= 5; column++)
            {
                if (!rows.IsDBNull(column))
                {
                    transitions.Add(new(rows.GetInt64(0), rows.GetFieldValue<DateTimeOffset>(column), column == 5));
                }
            }
        }
    }
}
