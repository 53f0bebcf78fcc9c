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

/// <summary>The modelled Hangfire: at least once, three retries, and a job of a dead server comes back after a while.</summary>
internal sealed class JobModel(SimWorld world)
{
    private const int MostRetries = 3;

    private readonly Dictionary<string, (SimJob Job, SimNode Node)> running = [];
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
        foreach (var (id, (job, _)) in running.Where(each => each.Value.Node == node).ToList())
        {
            running.Remove(id);
            world.Agenda.In(world.Chance.Between(TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(5)), () => Run(job));
        }
    }

    private void Run(SimJob job)
    {
        if (world.AnyNode() is not { IsAway: false } node)
        {
            world.Agenda.In(TimeSpan.FromSeconds(5), () => Run(job));
            return;
        }

        running[job.Id] = (job, node);
        var runner = node.Get<RefreshTokensJob>();
        world.Start(node, $"job {job.Id}.{job.Retries + 1}",
            () => runner.RunAsync((string[])job.Job.Args[0], (string)job.Job.Args[1], (string)job.Job.Args[2], Context(job), CancellationToken.None), error => Ended(job, error));
    }

    private void Ended(SimJob job, Exception? error)
    {
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
    public string Create(Job job, IState state) => node.IsAway
        ? throw new BackgroundJobClientException("The job could not be stored.", Gates.Away())
        : world.Jobs.Create(node, job, state);

    public bool ChangeState(string jobId, IState state, string expectedState) => false;
}
