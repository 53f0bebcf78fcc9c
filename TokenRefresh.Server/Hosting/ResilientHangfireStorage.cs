using System.Collections.Concurrent;
using Hangfire.Common;
using Hangfire.PostgreSql;
using Hangfire.Storage;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// Hangfire's storage with three habits of its own. One worker of the process at a time asks the database for the next job: all of them
/// would ask the same question, each with its own poll; the one that asks is woken by jobs of this process, takes one, and lets the next
/// ask. And who waits for work waits for a database that is away, too: Hangfire would pause longer with each failure, up to five minutes
/// past the end of a long outage. And no session of a read-only time outlives that: each would refuse writes for good.
/// </summary>
/// <param name="stopping">Ends the waiting of the schedulers, which have no token of their own for it.</param>
internal sealed class ResilientHangfireStorage(IConnectionFactory connections, PostgreSqlStorageOptions options, DatabaseSessions sessions, CancellationToken stopping) : PostgreSqlStorage(connections, options)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>What Hangfire's two schedulers ask for before all else. Who else asks for a lock has a caller that waits for an answer.</summary>
    private static readonly string[] Schedulers = ["locks:schedulepoller", "recurring-jobs:lock"];

    private readonly ConcurrentDictionary<string, SemaphoreSlim> askers = new(StringComparer.Ordinal);

    private CancellationToken Stopping => stopping;

    private bool EndIfReadOnly(Exception error)
    {
        if (!DatabaseFaults.IsReadOnly(error))
        {
            return false;
        }

        sessions.End();
        return true;
    }

    public override IStorageConnection GetConnection() => new Connection(this);

    private T WhileAway<T>(Func<T> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return ask();
            }

            // A lock that another node holds is a time-out, and no outage.
            catch (Exception error) when (error is not TimeoutException && DatabaseFaults.IsAway(error))
            {
                EndIfReadOnly(error);
                cancellationToken.WaitHandle.WaitOne(Pause);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private sealed class Connection(ResilientHangfireStorage storage) : PostgreSqlConnection(storage)
    {
        public override IFetchedJob FetchNextJob(string[] queues, CancellationToken cancellationToken)
        {
            // By queue, so that a job that waits for a mail server does not block the tokens.
            var asker = storage.askers.GetOrAdd(string.Join(',', queues), _ => new(1, 1));
            asker.Wait(cancellationToken);
            try
            {
                return storage.WhileAway(() => base.FetchNextJob(queues, cancellationToken), cancellationToken);
            }
            finally
            {
                asker.Release();
            }
        }

        public override string CreateExpiredJob(Job job, IDictionary<string, string> parameters, DateTime createdAt, TimeSpan expireIn)
        {
            try
            {
                return base.CreateExpiredJob(job, parameters, createdAt, expireIn);
            }

            // Nothing was stored, and a new session knows what the database takes now.
            catch (Exception error) when (storage.EndIfReadOnly(error))
            {
                return base.CreateExpiredJob(job, parameters, createdAt, expireIn);
            }
        }

        public override IDisposable AcquireDistributedLock(string resource, TimeSpan timeout) => Schedulers.Contains(resource)
            ? storage.WhileAway(() => base.AcquireDistributedLock(resource, timeout), storage.Stopping)
            : base.AcquireDistributedLock(resource, timeout);
    }
}
