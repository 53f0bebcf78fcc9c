using System.Net.Http.Headers;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Reads the <c>Authorization</c> header as the providers use it.</summary>
internal static class BearerToken
{
    public static string? Of(HttpRequest request) => Parameter(request, "Bearer");

    public static string? Parameter(HttpRequest request, string scheme) =>
        AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out var header)
        && header.Scheme.Equals(scheme, StringComparison.OrdinalIgnoreCase)
        && !string.IsNullOrWhiteSpace(header.Parameter)
            ? header.Parameter
            : null;
}
