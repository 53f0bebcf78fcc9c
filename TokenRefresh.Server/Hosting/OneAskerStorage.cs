using System.Collections.Concurrent;
using Hangfire.PostgreSql;
using Hangfire.Storage;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// Hangfire's storage in which one worker of the process at a time asks the database for the next job. All of them would ask the same
/// question, each with its own poll; the one that asks is woken by jobs of this process, takes one, and lets the next ask.
/// </summary>
internal sealed class OneAskerStorage(IConnectionFactory connections, PostgreSqlStorageOptions options) : PostgreSqlStorage(connections, options)
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> askers = new(StringComparer.Ordinal);

    public override IStorageConnection GetConnection() => new Connection(this);

    private sealed class Connection(OneAskerStorage storage) : PostgreSqlConnection(storage)
    {
        public override IFetchedJob FetchNextJob(string[] queues, CancellationToken cancellationToken)
        {
            // By queues, so that who waits for a mail keeps nobody from the tokens.
            var asker = storage.askers.GetOrAdd(string.Join(',', queues), _ => new(1, 1));
            asker.Wait(cancellationToken);
            try
            {
                return base.FetchNextJob(queues, cancellationToken);
            }
            finally
            {
                asker.Release();
            }
        }
    }
}
