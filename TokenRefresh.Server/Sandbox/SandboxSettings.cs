namespace TokenRefresh.Server.Sandbox;

/// <summary>Settings that lead to the stand-ins, and whom they concern.</summary>
/// <param name="Values">By configuration key.</param>
/// <param name="Providers">The names of the sandboxed providers.</param>
internal sealed record SandboxDefaults(IReadOnlyDictionary<string, string?> Values, IReadOnlyList<string> Providers);

/// <summary>Decides which providers are sandboxed: those without a configured address or credentials.</summary>
internal static class SandboxSettings
{
    /// <summary>A name that no resolver will ever find (RFC 6761), so that a request led astray goes nowhere.</summary>
    public const string Host = "sandbox.invalid";

    private static readonly (string Provider, (string Key, string Value)[] Settings)[] Demo =
    [
        ("Jibit",
        [
            ("BaseUrl", $"http://{Host}/sandbox/jibit/ide"),
            ("ApiKey", "sandbox-key"),
            ("SecretKey", "sandbox-secret"),
        ]),
        ("Finnotech",
        [
            ("BaseUrl", $"http://{Host}/sandbox/finnotech"),
            ("ClientId", "sandbox-app"),
            ("ClientSecret", "sandbox-secret"),
            ("NationalId", "0099999988"),
        ]),
    ];

    /// <summary>
    /// What to add to a configuration so that its unconfigured providers are sandboxed. A provider with even one of these settings
    /// is left alone: it is meant for the real one. A blank setting counts as none, as in a copied <c>.env.example</c>; since a
    /// blank would still hide a value of lower precedence, these values may as well be added last: they replace nothing but blanks.
    /// </summary>
    public static SandboxDefaults For(IConfiguration configured)
    {
        var sandboxed = Demo
            .Where(demo => demo.Settings.All(setting => string.IsNullOrWhiteSpace(configured[$"Providers:{demo.Provider}:{setting.Key}"])))
            .ToArray();

        return new(
            sandboxed
                .SelectMany(demo => demo.Settings.Select(setting => KeyValuePair.Create($"Providers:{demo.Provider}:{setting.Key}", (string?)setting.Value)))
                .ToDictionary(),
            [.. sandboxed.Select(demo => demo.Provider)]);
    }
}
