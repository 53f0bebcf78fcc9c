using Refit;

namespace TokenRefresh.Providers;

/// <summary>What every provider is made of.</summary>
/// <param name="Name">The configured name in lower case.</param>
/// <param name="SpelledName">The same as the settings spell it, for messages.</param>
/// <param name="IsManaged">True where it was made at run time, so that no settings file names it.</param>
internal sealed record ProviderParts<TOptions>(string Name, string SpelledName, TOptions Options, IHttpClientFactory Http, ProviderCircuit Circuit, TimeProvider Clock, bool IsManaged)
    where TOptions : ProviderOptions;

/// <summary>What is the same for every provider: what its settings say of it, and how it comes to its client.</summary>
internal abstract class HttpTokenProvider<TOptions>(ProviderParts<TOptions> parts) : ITokenProvider
    where TOptions : ProviderOptions
{
    // Shared, because separate options would make each call inspect its types again.
    private static readonly RefitSettings Refit = new();

    private readonly CredentialRollover credentials = new(parts.Options.Credential, parts.Options.NextCredential);

    public string Name => parts.Name;

    public bool IsEnabled => Options.Enabled;

    public bool IsManaged => parts.IsManaged;

    public IReadOnlyList<string> MissingSettings => [.. Options.Required.Where(setting => setting.Value.Length == 0).Select(setting => Key(setting.Setting))];

    public IReadOnlyList<MaskedCredential> Credentials => [.. Options.Required.Select(setting => MaskedCredential.Of(Key(setting.Setting), setting.Value))];

    public IReadOnlyList<MaskedCredential> NextCredentials => [.. NextValues.Select(setting => MaskedCredential.Of(Key(setting.Setting), setting.Value))];

    public TimeSpan Timeout => credentials.HasTwo ? Options.Timeout * 2 : Options.Timeout;

    public virtual string? TimeZone => null;

    public int? MaxConcurrency => Options.MaxConcurrency;

    public byte[] SettingsDigest => Options.Digest();

    public DateTimeOffset? CircuitOpenUntil => parts.Circuit.OpenUntil > parts.Clock.GetUtcNow() ? parts.Circuit.OpenUntil : null;

    protected TOptions Options => parts.Options;

    private IEnumerable<(string Setting, string Value)> NextValues => Options.Further.Where(setting => Options.NextCredential?.Settings.Contains(setting.Setting) == true);

    public abstract Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit);

    public abstract Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit);

    public abstract Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit);

    public abstract Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit);

    /// <summary>A setting's name as people write it.</summary>
    protected string Key(string setting) => parts.IsManaged ? $"{setting} of provider {parts.Name}" : $"{ProviderOptions.Section}__{parts.SpelledName}__{setting}";

    /// <summary>Makes a call that needs the client's credential: with the present one or the one that follows it.</summary>
    protected Task<ProviderResult> WithCredentialAsync(Func<ClientCredential, Task<ProviderResult>> ask) => credentials.AskAsync(ask, Key);

    protected HttpClient NewClient()
    {
        var client = parts.Http.CreateClient(ProviderHttp.ClientName(parts.Name));
        client.BaseAddress = Options.Address;
        return client;
    }

    protected TApi Api<TApi>() => RestService.For<TApi>(NewClient(), Refit);

    protected ProviderCall NewCall(string? trackId, params IReadOnlyList<string?> secrets) => new(parts.Clock, Options.Timeout, trackId) { Secrets = secrets, Track = TrackId };

    /// <summary>The id that the body of a right answer states; null where a provider states none there.</summary>
    protected virtual string? TrackId(ProviderReply reply) => null;
}
