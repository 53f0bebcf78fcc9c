using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Server.Hosting;

/// <summary>Keeps what this node holds in memory in step, be it web or worker, and writes the counts of reads down.</summary>
internal sealed partial class TokenCacheService(TokenCache cache, TokenChangeListener feed, UnsavedTokenSpool unsaved, ReadCounters counters, TokenMetrics metrics, TimeProvider clock, ILogger<TokenCacheService> log) : BackgroundService
{
    private static readonly TimeSpan FlushEvery = TimeSpan.FromMinutes(1);

    // Before the first request is accepted: a reader whose token is not among the first waits for its row.
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await feed.BeginAsync(cancellationToken);
        metrics.Observe(() => cache.Lives);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The callers that waited for them are gone, but the provider's answer contains the token that counts.
        await Task.WhenAny(cache.DrainAsync(), Task.Delay(Timeout.InfiniteTimeSpan, clock, cancellationToken));
        await base.StopAsync(cancellationToken);
        await FlushAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(
            feed.ListenAsync(stoppingToken), feed.ReloadPeriodicallyAsync(stoppingToken), FlushPeriodicallyAsync(stoppingToken), SaveUnsavedPeriodicallyAsync(stoppingToken));

    private async Task SaveUnsavedPeriodicallyAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(UnsavedTokenSpool.RetryEvery, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await unsaved.ReplayAsync(stoppingToken);
            }
            catch (Exception error) when (DatabaseFaults.IsAway(error) || DatabaseFaults.IsTakenBack(error))
            {
                // The failure was logged where they are kept; the next attempt follows.
            }
            catch (Exception error) when (error is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                LogNotSaved(error);
            }
        }
    }

    private async Task FlushPeriodicallyAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(FlushEvery, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await FlushAsync(stoppingToken);
        }
    }

    // Whatever goes wrong with one minute's counts, the next minute's are written down.
    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await counters.FlushAsync(cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            LogNotWritten(error);
        }
    }

    [LoggerMessage(1132, LogLevel.Error, "Tokens waiting on this node's disk could not be saved; retrying")]
    private partial void LogNotSaved(Exception error);

    [LoggerMessage(1131, LogLevel.Error, "Read counts could not be saved; retrying in a minute")]
    private partial void LogNotWritten(Exception error);
}
