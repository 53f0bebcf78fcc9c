using System.Reflection;
using System.Text.Json;
using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Tests.Simulation;

/// <summary>A job as Hangfire stores it, with the automatic retries that were made of it.</summary>
internal sealed record SimJob(string Id, Job Job, DateTimeOffset CreatedAt, int Retries);

/// <summary>The modelled Hangfire: at least once, three retries, a job of a dead server comes back after a while, and one that could not renew its hold is fetched anew.</summary>
internal sealed class JobModel(SimWorld world)
{
    private const int MostRetries = 3;

    private readonly Dictionary<string, (SimJob Job, SimNode Node, CancellationTokenSource Abort)> running = [];
    private int count;

    public string Create(SimNode node, Job job, IState state)
    {
        var stored = new SimJob($"{++count}", job, world.Agenda.Now + node.Clock.Offset, 0);
        if (job.Args.Any(arg => JsonSerializer.Serialize(arg is CancellationToken ? "" : arg).Contains(SimWorld.Secret, StringComparison.Ordinal)))
        {
            world.Broken("I8: a secret in a job's arguments");
        }

        world.Agenda.At(state is ScheduledState later ? later.EnqueueAt : world.Agenda.Now + world.Chance.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1)), () => Run(stored));
        return stored.Id;
    }

    /// <summary>What a dead node was at is fetched by another one, once its server is known to be dead.</summary>
    public void Bury(SimNode node)
    {
        foreach (var (id, (job, _, _)) in running.Where(each => each.Value.Node == node).ToList())
        {
            running.Remove(id);
            world.Agenda.In(world.Chance.Between(TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(5)), () => Run(job));
        }
    }

    /// <summary>The database is back: while it was away no worker could say that it was still at its job, so another may have it now, and the first is told to end.</summary>
    public void Refetch()
    {
        foreach (var (id, (job, _, abort)) in running.OrderBy(each => each.Key, StringComparer.Ordinal).Where(_ => world.Chance.Of(0.5)).ToList())
        {
            running.Remove(id);
            world.Agenda.In(world.Chance.Between(TimeSpan.Zero, TimeSpan.FromSeconds(5)), () => Run(job));
            world.Trace($"job {id} is fetched anew");
            abort.Cancel();
        }
    }

    private void Run(SimJob job)
    {
        if (world.AnyNode() is not { IsAway: false } node)
        {
            world.Agenda.In(TimeSpan.FromSeconds(5), () => Run(job));
            return;
        }

        var abort = new CancellationTokenSource();
        running[job.Id] = (job, node, abort);
        var runner = node.Get<RefreshTokensJob>();
        world.Start(node, $"job {job.Id}.{job.Retries + 1}",
            () => runner.RunAsync((string[])job.Job.Args[0], (string)job.Job.Args[1], (string)job.Job.Args[2], Context(job), abort.Token), error => Ended(job, abort, error), abort.Token);
    }

    private void Ended(SimJob job, CancellationTokenSource abort, Exception? error)
    {
        if (abort.IsCancellationRequested)
        {
            return;
        }

        running.Remove(job.Id);
        if (error is not (null or RefreshRefusedException) && job.Retries < MostRetries)
        {
            var pause = TimeSpan.FromMinutes(1);
            world.Agenda.In(error is RefreshFailedException { RetryAfter: { } asked } && asked > pause ? asked : pause, () => Run(job with { Retries = job.Retries + 1 }));
        }
    }

    private static PerformContext Context(SimJob job)
    {
        var connection = DispatchProxy.Create<IStorageConnection, Parameters>();
        ((Parameters)(object)connection).Job = job;
        return new(null, connection, new BackgroundJob(job.Id, job.Job, job.CreatedAt.UtcDateTime), new JobCancellationToken(false));
    }

    /// <summary>All that a job asks of its storage: its parameters.</summary>
#pragma warning disable CA1852 // A proxy is made by deriving from it.
    internal class Parameters : DispatchProxy
#pragma warning restore CA1852
    {
        public SimJob? Job { get; set; }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod?.Name != nameof(IStorageConnection.GetJobParameter) ? throw new NotSupportedException(targetMethod?.Name)
            : args![1] as string == "RetryCount" ? $"{Job!.Retries}"
            : null;
    }
}

/// <summary>Hangfire's client on one node.</summary>
internal sealed class NodeJobs(SimWorld world, SimNode node) : IBackgroundJobClient
{
    public string Create(Job job, IState state) => node.IsAway || world.IsReadOnly
        ? throw new BackgroundJobClientException("The job could not be stored.", Gates.Away())
        : world.Jobs.Create(node, job, state);

    public bool ChangeState(string jobId, IState state, string expectedState) => false;
}
