using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>Counts the hours of the log that are over, once each, so that pages need not.</summary>
internal sealed partial class LogCounter(AttemptHours hours, TimeProvider clock, ILogger<LogCounter> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var isTold = false; ; await Task.Delay(Period, clock, stoppingToken))
        {
            try
            {
                await hours.CountEndedAsync(stoppingToken);
                isTold = false;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // Nothing is lost: what is not counted ahead is counted when it is asked for. Said once.
                if (!isTold)
                {
                    isTold = true;
                    LogNotCounted(DatabaseFaults.InWords(error));
                }
            }
        }
    }

    [LoggerMessage(5012, LogLevel.Warning, "Past hours of the log could not be counted in advance ({Error}); retrying in a minute")]
    private partial void LogNotCounted(string error);
}
