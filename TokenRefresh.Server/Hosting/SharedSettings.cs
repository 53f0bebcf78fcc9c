using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Api;

namespace TokenRefresh.Server.Hosting;

/// <summary>Picks the settings that must be the same at every node and verb. Where a process listens, keeps its files and what it logs is its own matter, and the master key is compared for itself.</summary>
internal static class SharedSettings
{
    private static readonly string[] Sections =
        [ProviderOptions.Section, TokenSettings.Section, "TokenRefresh", EmailOptions.Section, AccessOptions.Section, ApiOptions.Section, SandboxOptions.Section];

    // Read once, before there are other nodes; a verb need not have it.
    private const string FirstPassword = $"{AccessOptions.Section}:{nameof(AccessOptions.AdminPassword)}";

    /// <summary>Those of this process, as they were given; what the sandbox adds is not.</summary>
    public static CommonSettings Of(IConfiguration configuration, IHostEnvironment environment) => new(
        Sections.SelectMany(section => configuration.GetSection(section).AsEnumerable())
            .Where(pair => !string.IsNullOrWhiteSpace(pair.Value) && !pair.Key.Equals(FirstPassword, StringComparison.OrdinalIgnoreCase))
            .Select(pair => KeyValuePair.Create(pair.Key, pair.Value!.Trim()))
            .Append(KeyValuePair.Create("ASPNETCORE_ENVIRONMENT", environment.EnvironmentName))
            .DistinctBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(StringComparer.OrdinalIgnoreCase));
}
