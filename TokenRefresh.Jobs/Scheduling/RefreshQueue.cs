using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Puts refreshes on the queue. Jobs carry names, never secrets.</summary>
public sealed class RefreshQueue(IBackgroundJobClient jobs, IOptions<QueueOptions> queue, IOptions<PerformanceOptions> performance)
{
    /// <summary>
    /// Enqueues a refresh of each token. While few are asked for, a job holds one name, which reads best on the dashboard;
    /// a hundredth of the names, up to the batch size, when there are many, because a job costs the same whatever it holds.
    /// </summary>
    /// <returns>The ids of the jobs with the names that each holds.</returns>
    public IReadOnlyList<(string JobId, string[] Tokens)> Enqueue(IReadOnlyCollection<string> tokens, RefreshTrigger trigger, string triggeredBy)
    {
        var size = Math.Clamp(tokens.Count / 100, 1, performance.Value.BatchSize);
        return [.. tokens.Chunk(size).Select(names =>
            (jobs.Create(Job(names, trigger, triggeredBy), new EnqueuedState(queue.Value.Name)), names))];
    }

    /// <summary>Schedules the refresh of one token for the instant it is due.</summary>
    internal void ScheduleAt(string token, DateTimeOffset dueAt) =>
        jobs.Create(Job([token], RefreshTrigger.Due, RecurringJobs.Scheduler), new ScheduledState(WholeSecond(dueAt)));

    // Hangfire cuts the fraction of a second off, and would be up to a second early.
    private static DateTime WholeSecond(DateTimeOffset dueAt) =>
        new((dueAt.UtcTicks + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, DateTimeKind.Utc);

    // The queue is part of the job, so that its retries come back to it.
    private Job Job(string[] names, RefreshTrigger trigger, string triggeredBy)
    {
        var code = trigger.Code();
        var call = Hangfire.Common.Job.FromExpression<RefreshTokensJob>(job => job.RunAsync(names, code, triggeredBy, null!, CancellationToken.None));
        return new(call.Type, call.Method, call.Args, queue.Value.Name);
    }
}
