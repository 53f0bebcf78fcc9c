using System.ComponentModel;
using Hangfire;
using Hangfire.States;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Wakes the service of this process that evaluates alerts.</summary>
public sealed class TokenHealthCheckJob(AlertSignal signal)
{
    /// <summary>Wakes it, and does not wait for it: every node also evaluates by itself each half minute.</summary>
    [DisplayName("Health check: evaluate alerts")]
    [AutomaticRetry(Attempts = 0, OnAttemptsExceeded = AttemptsExceededAction.Delete)]
    public Task RunAsync(CancellationToken cancellationToken)
    {
        signal.Wake();
        return Task.CompletedTask;
    }
}

/// <summary>Writes the daily summary.</summary>
public sealed class DailySummaryJob(SystemStatusReader status, DailySummary summary)
{
    /// <summary>Writes it into the outbox, and nothing after that: what failed then would have it written again. Every node looks within half a minute for what is to be delivered.</summary>
    [DisplayName("Daily summary")]
    public async Task RunAsync(CancellationToken cancellationToken) => await summary.WriteAsync(await status.ReadAsync(cancellationToken), cancellationToken);
}

/// <summary>Delivers what the outbox holds, on a queue of its own: a mail server that hangs slows no refresh.</summary>
public sealed class DeliverNotificationsJob(Outbox outbox)
{
    /// <summary>Delivers what is due. Not retried: what was not delivered has its own next time.</summary>
    [DisplayName("Deliver notifications")]
    [AutomaticRetry(Attempts = 0, OnAttemptsExceeded = AttemptsExceededAction.Delete)]
    public Task RunAsync(CancellationToken cancellationToken) => outbox.DeliverAsync(cancellationToken);
}

/// <summary>Puts deliveries on their queue.</summary>
public sealed class DeliveryQueue(Outbox outbox, IBackgroundJobClient jobs, JobStorage storage)
{
    /// <summary>The queue of everything that tells people something.</summary>
    public const string Name = "notifications";

    /// <summary>Enqueues a delivery where something is due and none waits yet.</summary>
    public async Task EnqueueIfDueAsync(CancellationToken cancellationToken)
    {
        if (await outbox.IsLateAsync(TimeSpan.Zero, cancellationToken) && storage.GetMonitoringApi().EnqueuedCount(Name) == 0)
        {
            jobs.Create<DeliverNotificationsJob>(job => job.RunAsync(CancellationToken.None), new EnqueuedState(Name));
        }
    }
}
