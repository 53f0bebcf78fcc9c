using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// Says when another node, or a verb that was called, works with other settings than this server: after a change in <c>.env</c> a verb reads the new
/// value, and the server goes on with the old one until it is started again.
/// </summary>
internal sealed partial class SettingsWatch(SettingsComparison comparison, NodeName node, TimeProvider clock, ILogger<SettingsWatch> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, string> told = [];
    private string? newer;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryAsync(() => comparison.TakeBackAsync(node.Value, cancellationToken));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        do
        {
            await TryAsync(() => LookAsync(stoppingToken));
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Looks once; what was told already is not told again until it changes.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        await comparison.StayAsync(node.Value, cancellationToken);
        var later = await comparison.NewerAsync(cancellationToken);
        if (later is not null && later.Node != newer)
        {
            LogOlder(OlderSettings.InWords(node, later));
        }

        newer = later?.Node;
        var now = (await comparison.CompareAsync(node.Value, cancellationToken)).ToDictionary(other => other.Name, other => other.KeysInWords);
        foreach (var (name, keys) in now.Where(other => told.GetValueOrDefault(other.Key) != other.Value))
        {
            LogDifferent(name, keys);
        }

        foreach (var name in told.Keys.Except(now.Keys).ToList())
        {
            told.Remove(name);
        }

        foreach (var (name, keys) in now)
        {
            told[name] = keys;
        }
    }

    // A comparison that cannot be made is no reason to stop: others say when the database is unreachable.
    private static async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error) || error.GetBaseException() is Npgsql.NpgsqlException)
        {
        }
    }

    [LoggerMessage(5062, LogLevel.Warning, "{Words}. Restart this server with the same settings")]
    private partial void LogOlder(string words);

    [LoggerMessage(5061, LogLevel.Warning, "{Other} uses other settings than this server: {Keys}. Restart this server if they were changed, or use the same settings for both")]
    private partial void LogDifferent(string other, string keys);
}
