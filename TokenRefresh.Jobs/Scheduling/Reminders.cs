using Hangfire;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Refreshing;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Reminds by a scheduled job. The job is no promise: the stored due time is, and the due check keeps it.</summary>
internal sealed partial class Reminders(RefreshQueue queue, IOptions<ScheduleOptions> schedule, TimeProvider clock, ILogger<Reminders> log) : IReminders
{
    /// <inheritdoc />
    public void Remind(string token, DateTimeOffset dueAt)
    {
        // A token that is due again before the second tick from now could die between two ticks.
        var now = clock.GetUtcNow();
        if (dueAt - now >= 2 * schedule.Value.DueCheckPeriod(now))
        {
            return;
        }

        try
        {
            queue.ScheduleAt(token, dueAt);
        }
        catch (BackgroundJobClientException error)
        {
            LogNotReminded(token, error.GetBaseException().GetType().Name);
        }
    }

    [LoggerMessage(1041, LogLevel.Warning, "The refresh of {Token} could not be scheduled ({Error}); the due check will find it")]
    private partial void LogNotReminded(string token, string error);
}
