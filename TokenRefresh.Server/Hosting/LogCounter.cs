using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Hosting;

/// <summary>Counts the hours of the log that have ended, so that pages need not.</summary>
internal sealed partial class LogCounter(AttemptHours hours, TimeProvider clock, ILogger<LogCounter> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (; ; await Task.Delay(Period, clock, stoppingToken))
        {
            try
            {
                await hours.CountEndedAsync(stoppingToken);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // Nothing is lost: what is not counted ahead is counted when it is asked for.
                LogNotCounted(error.GetBaseException().GetType().Name);
            }
        }
    }

    [LoggerMessage(5012, LogLevel.Warning, "Ended hours of the log could not be counted ahead ({Error}); trying again in a minute")]
    private partial void LogNotCounted(string error);
}
