using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;

namespace TokenRefresh.Server.Hosting;

/// <summary>Keeps what this node holds in memory in step, be it web or worker, and writes the counts of reads down.</summary>
internal sealed partial class TokenCacheService(TokenCache vault, TokenChangeListener feed, UnsavedTokenSpool unsaved, ReadCounters counters, TokenMetrics metrics, TimeProvider clock, ILogger<TokenCacheService> log) : BackgroundService
{
    private static readonly TimeSpan FlushEvery = TimeSpan.FromMinutes(1);

    // Before the first request is let in, so that no reader finds an empty vault.
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await feed.ReloadAllAsync(cancellationToken);
        metrics.Observe(() => vault.Lives);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // Whoever waited for them has gone, but what a provider answers them is the token that counts.
        await Task.WhenAny(vault.DrainAsync(), Task.Delay(Timeout.InfiniteTimeSpan, clock, cancellationToken));
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
                // Whoever kept them has told of it; the next try comes.
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

    [LoggerMessage(1132, LogLevel.Error, "Issued tokens that wait on this node's disk could not be saved; they are tried again")]
    private partial void LogNotSaved(Exception error);

    [LoggerMessage(1131, LogLevel.Error, "Counts of reads could not be written down and are kept for the next minute")]
    private partial void LogNotWritten(Exception error);
}
