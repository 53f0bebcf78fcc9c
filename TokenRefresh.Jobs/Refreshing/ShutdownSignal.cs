namespace TokenRefresh.Jobs.Refreshing;

/// <summary>
/// The end of this program, and of nothing less. A job's limit, a restart of Hangfire's workers or a reader who goes away must not end the
/// waiting to save what a provider has issued; only a stop may, because then the answer is on disk for the next start.
/// </summary>
public sealed class ShutdownSignal : IDisposable
{
    private readonly CancellationTokenSource source = new();

    /// <summary>Cancelled once the program is told to stop.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>The program was told to stop.</summary>
    public void Begin() => source.Cancel();

    /// <inheritdoc />
    public void Dispose() => source.Dispose();
}
