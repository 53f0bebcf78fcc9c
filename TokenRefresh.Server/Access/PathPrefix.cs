using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Access;

/// <summary>
/// The path below which people and programs reach this server: the setting's, else what a trusted proxy says in <c>X-Forwarded-Prefix</c>. It becomes the
/// request's path base, which every link, form, redirect and cookie starts with.
/// </summary>
internal sealed partial class PathPrefix(RequestDelegate next, IOptions<AccessOptions> access)
{
    private const string Header = "X-Forwarded-Prefix";

    private const int Longest = 256;

    /// <summary>What this server's own addresses begin with: below one of them a path with the prefix removed could not be told from one with the prefix.</summary>
    private static readonly string[] Ours = ["access", "account", "api", "connect", "hangfire", "health", "metrics", "openapi", "proxy", "sandbox", ".well-known"];

    private readonly PathString configured = Read(access.Value.PathBase) ?? PathString.Empty;
    private readonly IPNetwork[] trusted = [.. NetworksAttribute.Read(access.Value.TrustedProxies).OfType<IPNetwork>()];

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (configured.HasValue)
        {
            // The proxy may keep the prefix or remove it; requests that bypass the proxy, such as probes, have none.
            request.PathBase = configured;
            if (request.Path.StartsWithSegments(configured, StringComparison.Ordinal, out var rest))
            {
                request.Path = rest;
            }
        }
        else if (request.Headers[Header] is [{ Length: > 0 } text] && IsTrusted(context.Connection.RemoteIpAddress) && Read(text) is { } told)
        {
            request.PathBase = told;
        }

        return next(context);
    }

    /// <summary>A prefix as it is put in front of addresses; null if it is not a valid one, so that it cannot redirect links elsewhere.</summary>
    public static PathString? Read(string text) =>
        text.TrimEnd('/') is { Length: <= Longest } path && (path.Length == 0 ? text.Length < 2 : Prefix().IsMatch(path) && path.Split('/').All(segment => segment is not ("." or "..")))
            ? new PathString(path)
            : (PathString?)null;

    /// <summary>True for a prefix that begins like this server's own addresses.</summary>
    public static bool IsOurs(PathString prefix) => prefix.HasValue && Ours.Contains(prefix.Value!.Split('/')[1], StringComparer.OrdinalIgnoreCase);

    private bool IsTrusted(IPAddress? sender) =>
        sender is not null && (sender.IsIPv4MappedToIPv6 ? sender.MapToIPv4() : sender) is var address && trusted.Any(network => network.Contains(address));

    [GeneratedRegex(@"\A(?:/[A-Za-z0-9._~-]+)+\z")]
    private static partial Regex Prefix();
}

/// <summary>A path to put before all addresses, or nothing.</summary>
internal sealed class PathPrefixAttribute() : AllowedAttribute("a path such as /tokenrefresh, of letters, digits, '-', '.', '_' and '~', that does not start with one of this server's own paths (/access, /api, /health …)")
{
    public override bool IsValid(object? value) => value is string text && PathPrefix.Read(text) is { } prefix && !PathPrefix.IsOurs(prefix);
}
