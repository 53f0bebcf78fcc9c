using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Leads requests for <see cref="SandboxSettings.Host"/> to this process, wherever it happens to listen; others pass.</summary>
internal sealed class SandboxRouting(IServer? server = null) : DelegatingHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (string.Equals(request.RequestUri?.Host, SandboxSettings.Host, StringComparison.OrdinalIgnoreCase))
        {
            request.RequestUri = Here(request.RequestUri!);
        }

        return base.SendAsync(request, cancellationToken);
    }

    private Uri Here(Uri asked)
    {
        var listening = server?.Features.Get<IServerAddressesFeature>()?.Addresses
            .Select(BindingAddress.Parse)
            .FirstOrDefault(address => address is { Scheme: "http", IsUnixPipe: false, IsNamedPipe: false })
            ?? throw new HttpRequestException("The sandbox only works in a process that serves plain http.");

        return new UriBuilder(asked)
        {
            Host = listening.Host is "*" or "+" or "[::]" or "0.0.0.0" ? "127.0.0.1" : listening.Host,
            Port = listening.Port,
        }.Uri;
    }
}
