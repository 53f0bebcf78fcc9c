using Hangfire;
using Hangfire.Storage;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>Workers of one process take turns in asking for a job, and none is kept from one by that.</summary>
public sealed class OneAskerStorageTests(PostgresFixture postgres)
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
        var app = ServerHost.Build(
            new Dictionary<string, string?>
            {
                ["environment"] = "Development",
                ["ConnectionStrings:TokenRefresh"] = await postgres.CreateDatabaseAsync(),
                ["Encryption:MasterKey"] = Convert.ToBase64String(new byte[32]),
            }, Roles.None);
        await StartUp.PrepareAsync(app.Services, isServer: false, TestContext.Current.CancellationToken);
        return new(app.Services.GetRequiredService<JobStorage>(), app.Services.GetRequiredService<RefreshQueue>(), app);
    }

    private sealed record Host(JobStorage Storage, RefreshQueue Queue, IAsyncDisposable App) : IAsyncDisposable
    {
        public string Enqueue() => Queue.Enqueue(["jibit"], RefreshTrigger.Manual, "a test").Single().JobId;

        public ValueTask DisposeAsync() => App.DisposeAsync();
    }
}
