using Hangfire;
using Hangfire.Common;
using Hangfire.Storage;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>The timetable as one table, and its installation in Hangfire.</summary>
public sealed class RecurringJobs(
    IRecurringJobManager manager, JobStorage storage, RecurringJobPauses pauses, AuditTrail audit, IOptions<ScheduleOptions> schedule, IOptions<BackupOptions> backup, IOptions<QueueOptions> queue,
    IOptions<HealthOptions> health, IOptions<NotificationOptions> notifications)
{
    /// <summary>Who set a refresh off, where it was the timetable.</summary>
    public const string Scheduler = "schedule";

    /// <summary>Every day at half past three, when the log is least used.</summary>
    private const string CleanupCron = "30 3 * * *";

    /// <summary>
    /// Registers every job, removes what older versions left, and revives a job that Hangfire has disabled after errors. A paused one stays
    /// listed and can be run by hand, but has no next run. Repeating it changes nothing, so it runs at start and each minute.
    /// </summary>
    public async Task InstallAsync(CancellationToken cancellationToken)
    {
        var paused = await pauses.ListAsync(cancellationToken);
        var table = Table();
        using (var connection = storage.GetConnection())
        {
            foreach (var stray in connection.GetRecurringJobs().Select(job => job.Id).Except(table.Select(row => row.Id)))
            {
                manager.RemoveIfExists(stray);
            }
        }

        var options = new RecurringJobOptions { TimeZone = schedule.Value.Zone, MisfireHandling = MisfireHandlingMode.Relaxed };
        foreach (var (id, cron, job) in table)
        {
            var own = id is RecurringJobIds.TokenHealthCheck or RecurringJobIds.DailySummary ? DeliveryQueue.Name : queue.Value.Name;
            manager.AddOrUpdate(id, new Job(job.Type, job.Method, job.Args, own), paused.ContainsKey(id) ? Cron.Never() : cron, options);
        }
    }

    /// <summary>Puts a job that is installed on its queue now, paused or not, and writes down who asked. Returns the number of the run.</summary>
    public async Task<string> RunAsync(string id, string by)
    {
        var job = ((IRecurringJobManagerV2)manager).TriggerJob(id);
        await audit.WriteAsync(by, "schedule.run", id, new { job });
        return job;
    }

    /// <summary>Keeps one job from running by itself, here and at every node, also after a restart.</summary>
    public async Task PauseAsync(RecurringJobPause pause, CancellationToken cancellationToken)
    {
        await pauses.AddAsync(pause, cancellationToken);
        await InstallAsync(cancellationToken);
    }

    /// <summary>Ends a pause before its time.</summary>
    public async Task ResumeAsync(string id, CancellationToken cancellationToken)
    {
        await pauses.RemoveAsync(id, cancellationToken);
        await InstallAsync(cancellationToken);
    }

    /// <summary>The cron of each job, whether it is paused or not.</summary>
    public IReadOnlyDictionary<string, string> Crons() => Table().ToDictionary(row => row.Id, row => row.Cron);

    private List<(string Id, string Cron, Job Job)> Table()
    {
        List<(string, string, Job)> table =
        [
            (RecurringJobIds.AutomaticTokenRefresh, schedule.Value.Cron, Job.FromExpression<AutomaticRefreshJob>(job => job.Run())),
            (RecurringJobIds.DueTokenRefresh, schedule.Value.DueCheckCron, Job.FromExpression<DueRefreshJob>(job => job.RunAsync(CancellationToken.None))),
            (RecurringJobIds.TokenHealthCheck, health.Value.CheckCron, Job.FromExpression<TokenHealthCheckJob>(job => job.RunAsync(CancellationToken.None))),
            (RecurringJobIds.DailySummary, notifications.Value.DailySummaryCron, Job.FromExpression<DailySummaryJob>(job => job.RunAsync(CancellationToken.None))),
            (RecurringJobIds.LogCleanup, CleanupCron, Job.FromExpression<LogCleanupJob>(job => job.RunAsync(CancellationToken.None))),
        ];
        if (backup.Value.Enabled)
        {
            table.Add((RecurringJobIds.BackupTokenRefresh, backup.Value.Cron, Job.FromExpression<BackupRefreshJob>(job => job.RunAsync(CancellationToken.None))));
        }

        return table;
    }
}
