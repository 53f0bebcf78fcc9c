using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>Sends the heartbeat to an external monitoring service, which alerts when it is missing: the one alert that works when everything here is down.</summary>
public sealed partial class HeartbeatPinger(IHttpClientFactory clients, IOptions<HealthOptions> options, TimeProvider clock, ILogger<HeartbeatPinger> log)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Calls the address, or its <c>/fail</c> with a phrase that names no token. Does nothing where none is set; never throws for what the watcher does.</summary>
    /// <param name="problem">Why things are not well; null while they are.</param>
    public async Task PingAsync(string? problem, CancellationToken cancellationToken)
    {
        if (options.Value.HeartbeatUrl is not { Length: > 0 } address)
        {
            return;
        }

        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var http = clients.CreateClient(nameof(HeartbeatPinger));
            using var answer = problem is null
                ? await http.GetAsync(address, either.Token)
                : await http.PostAsync($"{address.TrimEnd('/')}/fail", new StringContent(problem), either.Token);
            if (!answer.IsSuccessStatusCode)
            {
                LogUnheard(string.Create(CultureInfo.InvariantCulture, $"HTTP {(int)answer.StatusCode}"));
            }
        }
        catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            LogUnheard(error.GetType().Name);
        }
    }

    [LoggerMessage(1211, LogLevel.Warning, "The heartbeat URL did not accept the heartbeat: {Reason}")]
    private partial void LogUnheard(string reason);
}
