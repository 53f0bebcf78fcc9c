namespace TokenRefresh.Providers;

/// <summary>Stands for a provider that a stored token names and this node does not know, as one whose settings are older than another node's. Makes no call.</summary>
/// <param name="name">The name that the token's row has.</param>
public sealed class UnknownProvider(string name) : ITokenProvider
{
    /// <inheritdoc />
    public string Name => name;

    /// <inheritdoc />
    public bool IsEnabled => false;

    /// <inheritdoc />
    public IReadOnlyList<string> MissingSettings => [];

    /// <inheritdoc />
    public TimeSpan Timeout => TimeSpan.FromSeconds(30);

    /// <inheritdoc />
    public int? MaxConcurrency => null;

    /// <inheritdoc />
    public byte[] SettingsDigest => [];

    /// <inheritdoc />
    public DateTimeOffset? CircuitOpenUntil => null;

    private ProviderFailure Failure => new(FailureKind.Configuration, $"Provider {name} is not known to this node.");

    /// <inheritdoc />
    public Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit) => Task.FromResult<ProviderResult>(new ProviderResult.Failed(Failure));

    /// <inheritdoc />
    public Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit) => AcquireAsync(order, limit);

    /// <inheritdoc />
    public Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit) => Task.FromResult(new ProbeResult(false, TimeSpan.Zero, null, Failure));

    /// <inheritdoc />
    public Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit) => Task.FromResult<ProviderFailure?>(Failure);
}
