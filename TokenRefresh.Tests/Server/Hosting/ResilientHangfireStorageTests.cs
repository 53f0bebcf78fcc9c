using Hangfire;
using Hangfire.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>Workers of one process take turns in asking for a job, none is kept from one by that, and none gives up with the database.</summary>
public sealed class ResilientHangfireStorageTests(PostgresFixture postgres)
{
    private static readonly string[] Tokens = ["tokens"];

    [Fact]
    public async Task Each_of_several_waiting_workers_gets_a_job_of_its_own()
    {
        await using var host = await HostAsync();
        using var connection = host.Storage.GetConnection();
        using var end = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 3).Select(_ => FetchAsync(connection, Tokens, end.Token)).ToList();

        var jobs = Enumerable.Range(0, 3).Select(_ => host.Enqueue()).ToList();

        (await Task.WhenAll(workers)).Select(job => job!.JobId).Order().ShouldBe(jobs.Order());
    }

    [Fact]
    public async Task Who_waits_for_one_queue_keeps_nobody_from_another()
    {
        await using var host = await HostAsync();
        using var connection = host.Storage.GetConnection();
        using var end = new CancellationTokenSource();
        var waiting = FetchAsync(connection, ["mails"], end.Token);

        var id = host.Enqueue();

        (await FetchAsync(connection, Tokens, end.Token))!.JobId.ShouldBe(id);
        waiting.IsCompleted.ShouldBeFalse();
        await end.CancelAsync();
        (await waiting).ShouldBeNull();
    }

    [Fact]
    public async Task A_worker_that_waits_for_its_turn_ends_when_it_is_told_to()
    {
        await using var host = await HostAsync();
        using var connection = host.Storage.GetConnection();
        using var asking = new CancellationTokenSource();
        using var queueing = new CancellationTokenSource();
        var first = FetchAsync(connection, Tokens, asking.Token);
        var second = FetchAsync(connection, Tokens, queueing.Token);

        await Task.WhenAll(asking.CancelAsync(), queueing.CancelAsync());

        (await Task.WhenAll(first, second)).ShouldAllBe(job => job == null);
    }

    [Fact]
    public async Task A_worker_whose_connection_is_cut_goes_on_waiting_and_gets_its_job()
    {
        await using var host = await HostAsync();
        using var connection = host.Storage.GetConnection();
        using var end = new CancellationTokenSource();
        var waiting = FetchAsync(connection, Tokens, end.Token);

        await using (var database = NpgsqlDataSource.Create(host.ConnectionString))
        {
            await using var cut = database.CreateCommand("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            await cut.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var id = await host.EnqueueAfterCutAsync();

        (await waiting)!.JobId.ShouldBe(id);
    }

    [Fact]
    public async Task A_job_is_queued_at_the_first_try_once_a_read_only_database_takes_writes_though_its_sessions_go_on()
    {
        await using var host = await HostAsync();
        _ = host.Enqueue();
        await ReadOnlyDatabase.BeginAsync(host.ConnectionString);
        await RunningServer.UntilAsync(
            () => Task.FromResult(DatabaseFaults.IsReadOnly(Should.Throw<BackgroundJobClientException>(() => host.Enqueue()))), "it is read-only");
        await ReadOnlyDatabase.EndAsync(host.ConnectionString);

        host.Enqueue().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task A_schedulers_lock_that_another_node_holds_is_told_at_once()
    {
        await using var host = await HostAsync();
        using var one = host.Storage.GetConnection();
        using var other = host.Storage.GetConnection();
        using var held = one.AcquireDistributedLock("locks:schedulepoller", TimeSpan.FromSeconds(1));

        Should.Throw<DistributedLockTimeoutException>(() => other.AcquireDistributedLock("locks:schedulepoller", TimeSpan.Zero));
    }

    // As a worker does: on a thread that waits.
    private static Task<IFetchedJob?> FetchAsync(IStorageConnection connection, string[] queues, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () =>
        {
            try
            {
                return connection.FetchNextJob(queues, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private async Task<Host> HostAsync()
    {
        // A verb's host has the queue and no worker of its own.
        var connectionString = await postgres.CreateDatabaseAsync();
        var app = ServerHost.Build(
            new Dictionary<string, string?>
            {
                ["environment"] = "Development",
                ["ConnectionStrings:TokenRefresh"] = connectionString,
                ["Encryption:MasterKey"] = Convert.ToBase64String(new byte[32]),
            }, Roles.None);
        await StartUp.PrepareAsync(app.Services, isServer: false, TestContext.Current.CancellationToken);
        return new(connectionString, app.Services.GetRequiredService<JobStorage>(), app.Services.GetRequiredService<RefreshQueue>(), app);
    }

    private sealed record Host(string ConnectionString, JobStorage Storage, RefreshQueue Queue, IAsyncDisposable App) : IAsyncDisposable
    {
        public string Enqueue() => Queue.Enqueue(["jibit"], RefreshTrigger.Manual, "a test").Single().JobId;

        /// <summary>The client's pooled connection was cut too, so its first tries may fail.</summary>
        public async Task<string> EnqueueAfterCutAsync()
        {
            var id = "";
            await RunningServer.UntilAsync(
                () =>
                {
                    try
                    {
                        id = Enqueue();
                        return Task.FromResult(true);
                    }
                    catch (BackgroundJobClientException)
                    {
                        return Task.FromResult(false);
                    }
                },
                "the job is stored");
            return id;
        }

        public ValueTask DisposeAsync() => App.DisposeAsync();
    }
}
