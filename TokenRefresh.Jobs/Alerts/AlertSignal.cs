using System.Threading.Channels;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>Wakes the service that evaluates alerts in this process. Signals that come before it wakes are one.</summary>
public sealed class AlertSignal
{
    private readonly Channel<bool> wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Has the alerts evaluated soon.</summary>
    public void Wake() => wakes.Writer.TryWrite(true);

    /// <summary>Ends at the next signal, at once where one has come since the last wait ended.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => wakes.Reader.ReadAsync(cancellationToken);
}
