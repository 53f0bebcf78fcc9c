using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>Keeps what this node holds in memory in step with the database: by notifications, and by a full reload beneath them.</summary>
public sealed partial class TokenChangeListener(
    TokenCache cache, IEnumerable<IChangeSubscriber> subscribers, IEnumerable<IChangeObserver> observers, NpgsqlDataSource database, DatabaseContact contact, DatabaseReturn back, IOptions<PerformanceOptions> options, TimeProvider clock, ILogger<TokenChangeListener> log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private const int PingTimeoutSeconds = 5;

    /// <summary>Of a database that takes no writes everything is read at every tenth try.</summary>
    private const int TriesPerReading = 10;

    /// <summary>What is told within this time of the last word is read together.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(2);

    private const int MostAtOnce = 500;

    /// <summary>After this long without a word the connection is tried: what lies between may have dropped it without telling.</summary>
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);

    /// <summary>Listens until it is cancelled; a broken connection is opened again, and missed changes are read.</summary>
    public async Task ListenAsync(CancellationToken cancellationToken)
    {
        contact.Lost();
        var readOnly = 0;
        for (var isCut = false; !cancellationToken.IsCancellationRequested;)
        {
            try
            {
                await using var connection = await database.OpenConnectionAsync(cancellationToken);
                await using var listener = new Listener(connection);
                var told = new List<string>();
                connection.Notification += (_, notification) => told.Add(notification.Payload);
                await using (var listen = new NpgsqlCommand($"LISTEN {ChangeFeed.Channel}", connection))
                {
                    await listen.ExecuteNonQueryAsync(cancellationToken);
                }

                await back.RunAsync(isCut, cancellationToken);
                await ReloadAllAsync(cancellationToken);
                if (isCut)
                {
                    isCut = false;
                    LogHeard();
                }

                while (true)
                {
                    if (!await connection.WaitAsync(PingAfter, cancellationToken))
                    {
                        await using var ping = new NpgsqlCommand("SELECT 1", connection) { CommandTimeout = PingTimeoutSeconds };
                        await ping.ExecuteNonQueryAsync(cancellationToken);
                    }

                    while (told.Count is > 0 and < MostAtOnce && await connection.WaitAsync(Gathering, cancellationToken))
                    {
                        // Thousands of tokens that fall due together are read by the hundred.
                    }

                    var changed = told.ToHashSet();
                    told.Clear();
                    if (changed.Count > 0)
                    {
                        await ApplyAsync(changed, cancellationToken);
                        foreach (var observer in observers)
                        {
                            observer.Changed();
                        }
                    }
                }
            }
            catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                // An error of ours here must not keep the node from taking over the work of ended processes.
                if (DatabaseFaults.IsAway(error))
                {
                    contact.Cut();
                }

                // Tried again each second, said once.
                if (!isCut)
                {
                    isCut = true;
                    LogCut(DatabaseFaults.InWords(error));
                }

                if (DatabaseFaults.IsReadOnly(error))
                {
                    await ReadWhatIsThereAsync(readOnly++, cancellationToken);
                }

                await Task.Delay(Pause, clock, cancellationToken);
            }
        }
    }

    // A standby takes no writes and tells of no changes, but may still be told by its primary what other nodes have stored.
    private async Task ReadWhatIsThereAsync(int tries, CancellationToken cancellationToken)
    {
        database.Clear();
        if (tries % TriesPerReading == 0)
        {
            try
            {
                await ReloadAllAsync(cancellationToken);
            }
            catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                // It has been logged already, and is retried.
            }
        }
    }

    /// <summary>Reads everything again each few minutes, so that a notification that was lost is not lost for long.</summary>
    public async Task ReloadPeriodicallyAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.Value.CacheTtl, clock);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            try
            {
                await ReloadAllAsync(cancellationToken);
            }
            catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                LogNotRead(error.GetBaseException().GetType().Name);
            }
        }
    }

    /// <summary>Reads at the start what the first readers need; all else follows once this node listens.</summary>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        await ReloadSubscribersAsync(cancellationToken);
        await cache.BeginAsync(cancellationToken);
    }

    /// <summary>Reads everything again.</summary>
    public async Task ReloadAllAsync(CancellationToken cancellationToken)
    {
        await ReloadSubscribersAsync(cancellationToken);
        await cache.ReloadAsync(cancellationToken);
    }

    private async Task ReloadSubscribersAsync(CancellationToken cancellationToken)
    {
        foreach (var subscriber in subscribers)
        {
            await subscriber.ReloadAsync(cancellationToken);
        }
    }

    private async Task ApplyAsync(HashSet<string> changed, CancellationToken cancellationToken)
    {
        if (changed.Contains(ChangeFeed.Everything))
        {
            cache.Invalidate();
            await ReloadAllAsync(cancellationToken);
            return;
        }

        foreach (var subscriber in subscribers.Where(subscriber => changed.Remove(subscriber.Payload)))
        {
            await subscriber.ReloadAsync(cancellationToken);
        }

        // Only pages show them, and those ask the database.
        changed.Remove(ChangeFeed.Incidents);
        await cache.ReloadAsync(changed, cancellationToken);
    }

    /// <summary>Stops listening; otherwise the pool's next user would receive the notifications, and Postgres would keep unread ones.</summary>
    private sealed class Listener(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await using var end = new NpgsqlCommand($"UNLISTEN {ChangeFeed.Channel}", connection) { CommandTimeout = PingTimeoutSeconds };
                await end.ExecuteNonQueryAsync();
            }
        }
    }

    [LoggerMessage(1111, LogLevel.Warning, "Not receiving changes from other nodes ({Error}); tokens are served from memory meanwhile")]
    private partial void LogCut(string error);

    [LoggerMessage(1112, LogLevel.Information, "Receiving changes from other nodes again; missed changes have been loaded")]
    private partial void LogHeard();

    [LoggerMessage(1113, LogLevel.Warning, "The full reload failed ({Error}); tokens are served from memory meanwhile")]
    private partial void LogNotRead(string error);
}
