using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Api;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// The sections at the top, of which a singular or a plural is a mistake: <c>Provider__Jibit__ApiKey</c> would be ignored. Anything else there may
/// be another program's.
/// </summary>
internal sealed class SectionNames
{
    private static readonly string[] Ours =
        [ProviderOptions.Section, TokenSettings.Section, EmailOptions.Section, DataOptions.Section, EncryptionOptions.Section, ConnectionOptions.Section];

    // These are names of one form only.
    private static readonly string[] AlsoOurs = ["TokenRefresh", AccessOptions.Section, ApiOptions.Section, SandboxOptions.Section, MetricsOptions.Section, "Logging"];

    /// <summary>True for a key, in any spelling, that this program reads or would complain about.</summary>
    public static bool IsOurs(string key) =>
        AlsoOurs.Concat(Ours).Concat(Ours.Select(Other)).Contains(key.Split([ConfigurationPath.KeyDelimiter, "__"], StringSplitOptions.None)[0], StringComparer.OrdinalIgnoreCase)
        || key.StartsWith("ASPNETCORE_", StringComparison.OrdinalIgnoreCase) || key.StartsWith("DOTNET_", StringComparison.OrdinalIgnoreCase) || key is "TOKENREFRESH_PG_BIN";

    public static void Check(IServiceCollection services)
    {
        services.AddOptions<SectionNames>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<SectionNames>, Rules>();
    }

    private sealed class Rules(IConfiguration configuration) : IValidateOptions<SectionNames>
    {
        public ValidateOptionsResult Validate(string? name, SectionNames options) =>
            Ours.Where(section => configuration.GetSection(Other(section)).GetChildren().Any())
                .Select(section => $"{Other(section)} is not a setting; the section is spelled {section}.")
                .ToList() is { Count: > 0 } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }

    private static string Other(string section) => section.EndsWith('s') ? section[..^1] : section + "s";
}
