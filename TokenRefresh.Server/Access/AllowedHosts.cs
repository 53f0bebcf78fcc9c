using Microsoft.Extensions.Options;

namespace TokenRefresh.Server.Access;

/// <summary>
/// The hosts that requests may name, from the setting <c>AllowedHosts</c>: names and addresses without port, separated by semicolons, <c>*.example.com</c> for
/// all below one. Default <c>*</c>, any: no answer repeats the host of a request, so that the first start works under whatever name this machine is reached by.
/// </summary>
internal sealed class AllowedHosts
{
    private const string Key = "AllowedHosts";

    public static void Check(IServiceCollection services)
    {
        services.AddOptions<AllowedHosts>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<AllowedHosts>, Rules>();
    }

    /// <summary>The framework filters by the setting; values that it would silently never match are refused here.</summary>
    private sealed class Rules(IConfiguration configuration) : IValidateOptions<AllowedHosts>
    {
        public ValidateOptionsResult Validate(string? name, AllowedHosts options) =>
            configuration[Key] is not { Length: > 0 } text || text.Split(';', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } hosts && Array.TrueForAll(hosts, IsHost)
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail($"{Key} = '{text}' is not allowed: host names or addresses without port, separated by semicolons, such as panel.example.com;*.inside.example;10.0.0.5, or * for any.");

        private static bool IsHost(string host) => host == "*"
            || Uri.CheckHostName(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host) is not UriHostNameType.Unknown and not UriHostNameType.Basic;
    }
}
