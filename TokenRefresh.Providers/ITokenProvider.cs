namespace TokenRefresh.Providers;

/// <summary>One configured provider of tokens. It makes calls and reads answers; it knows no store and no schedule.</summary>
public interface ITokenProvider
{
    /// <summary>The configured name in lower case, for example <c>jibit</c>.</summary>
    string Name { get; }

    /// <summary>False when the settings switch it off.</summary>
    bool IsEnabled { get; }

    /// <summary>The settings that are still missing, in their environment spelling; empty when calls can be made.</summary>
    IReadOnlyList<string> MissingSettings { get; }

    /// <summary>True where calls can be made: nothing is missing, and it is not switched off.</summary>
    bool IsCallable => IsEnabled && MissingSettings.Count == 0;

    /// <summary>True where it was added while the server runs, so that no settings file names it.</summary>
    bool IsManaged => false;

    /// <summary>The credentials that the settings hold, masked; empty where none are needed.</summary>
    IReadOnlyList<MaskedCredential> Credentials => [];

    /// <summary>The credentials that are about to replace those, masked: each is tried when the other is refused. Empty where none follow.</summary>
    IReadOnlyList<MaskedCredential> NextCredentials => [];

    /// <summary>The longest that one acquiring or renewing may take, from sending to the end of the last answer.</summary>
    TimeSpan Timeout { get; }

    /// <summary>The most calls that may be in flight at once, or null for the general limit.</summary>
    int? MaxConcurrency { get; }

    /// <summary>A SHA-256 over address and credentials, so that a change of settings is noticed. Never shown, never stored as it is.</summary>
    byte[] SettingsDigest { get; }

    /// <summary>When the provider's circuit lets calls through again, or null while it is closed.</summary>
    DateTimeOffset? CircuitOpenUntil { get; }

    /// <summary>The zone in which its answers tell times, so that this machine has to know it; null where they need none.</summary>
    string? TimeZone => null;

    /// <summary>Acquires a new token with the provider's credentials.</summary>
    /// <param name="order">What to ask for.</param>
    /// <param name="limit">A limit on top of <see cref="Timeout"/>; a call that it ends is a <see cref="FailureKind.ProviderDown"/>.</param>
    Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit);

    /// <summary>Renews a token with its refresh token.</summary>
    /// <exception cref="ArgumentException"><paramref name="held"/> has no refresh token.</exception>
    Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit);

    /// <summary>Makes the provider's cheap authenticated call; changes nothing there.</summary>
    Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit);

    /// <summary>Asks the provider to revoke a token. Null when done, a failure otherwise (<see cref="FailureKind.Configuration"/> where the provider offers no such call).</summary>
    Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit);
}

/// <summary>A credential as people may see it.</summary>
/// <param name="Setting">The setting in its environment spelling.</param>
/// <param name="IsSet">False while it is missing.</param>
/// <param name="LastCharacters">Its last four characters; null where it is missing or so short that they would give it away.</param>
public sealed record MaskedCredential(string Setting, bool IsSet, string? LastCharacters)
{
    private const int Shown = 4, Shortest = 12;

    internal static MaskedCredential Of(string setting, string value) => new(setting, value.Length > 0, LastOf(value));

    /// <summary>A secret as a list shows it, such as <c>(secret) ••••1234</c>.</summary>
    public static string Masked(string secret) => $"(secret) ••••{LastOf(secret)}";

    /// <summary>The last four characters of a secret; null where it is so short that they would give it away.</summary>
    public static string? LastOf(string secret) => secret.Length >= Shortest ? secret[^Shown..] : null;
}

/// <summary>All configured providers, found by name.</summary>
public interface ITokenProviders
{
    /// <summary>Every provider, ordered by name.</summary>
    IReadOnlyList<ITokenProvider> All { get; }

    /// <summary>The provider of that name in any case, or null.</summary>
    ITokenProvider? Find(string name);
}
