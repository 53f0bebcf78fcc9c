using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>How the queue stands.</summary>
/// <param name="Enqueued">Jobs that wait for a worker, in any queue of ours.</param>
/// <param name="Processing">Jobs in work.</param>
/// <param name="Scheduled">Jobs that wait for their time, retries included.</param>
/// <param name="Failed">Jobs that failed for good.</param>
public sealed record QueueStatus(long Enqueued, long Processing, long Scheduled, long Failed);

/// <summary>Looks at Hangfire's queue, and clears or repeats what failed there.</summary>
public sealed class QueueView(JobStorage storage, IBackgroundJobClient jobs, IOptions<QueueOptions> queue)
{
    private const int PageSize = 500;

    /// <summary>The counts.</summary>
    public QueueStatus Status()
    {
        var monitor = storage.GetMonitoringApi();
        return new(
            new[] { queue.Value.Name, EnqueuedState.DefaultQueue }.Distinct().Sum(monitor.EnqueuedCount),
            monitor.ProcessingCount(),
            monitor.ScheduledCount(),
            monitor.FailedCount());
    }

    /// <summary>Deletes all failed jobs; returns how many.</summary>
    public int DeleteFailed() => DeleteFailed(DateTimeOffset.MaxValue);

    /// <summary>Deletes the jobs that failed before an instant: Hangfire itself keeps them for ever. Returns how many.</summary>
    public int DeleteFailed(DateTimeOffset before) =>
        Failed().Where(job => job.FailedAt is not { } at || at.Utc() < before).Count(job => jobs.ChangeState(job.Id, new DeletedState(), FailedState.StateName));

    /// <summary>Enqueues all failed jobs again, each with its retries; a refresh among them is then a person's wish. Returns how many.</summary>
    /// <param name="askedBy">Who asks, for the log.</param>
    public int RequeueFailed(string askedBy)
    {
        using var connection = storage.GetConnection();
        return Failed().Count(job => Requeue(job.Id));

        bool Requeue(string id)
        {
            connection.SetJobParameter(id, RefreshTokensJob.AskedAgainBy, SerializationHelper.Serialize(askedBy));
            connection.SetJobParameter(id, RefreshTokensJob.RetryCount, SerializationHelper.Serialize(0));
            return jobs.ChangeState(id, new EnqueuedState(queue.Value.Name), FailedState.StateName);
        }
    }

    private List<(string Id, DateTime? FailedAt)> Failed()
    {
        var monitor = storage.GetMonitoringApi();
        var failed = new List<(string, DateTime?)>();
        for (var page = monitor.FailedJobs(0, PageSize); page.Count > 0; page = monitor.FailedJobs(failed.Count, PageSize))
        {
            failed.AddRange(page.Select(job => (job.Key, job.Value?.FailedAt)));
        }

        return failed;
    }
}
