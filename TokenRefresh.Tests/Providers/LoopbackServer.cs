using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace TokenRefresh.Tests.Providers;

/// <summary>A real server on a free port of this machine that answers everything as a test says.</summary>
internal sealed class LoopbackServer(WebApplication app) : IAsyncDisposable
{
    public string Address => app.Urls.Single();

    public static async Task<LoopbackServer> StartAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");

        // Calls that a test holds do not hold its end.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var app = builder.Build();
        app.Run(http => LacksLength(http.Request) ? RefuseAsync(http.Response) : answer(http));
        await app.StartAsync();
        return new(app);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    /// <summary>True for a body that strict gateways take for an empty one.</summary>
    public static bool LacksLength(HttpRequest request) => request.Headers.TransferEncoding.Count > 0;

    private static Task RefuseAsync(HttpResponse response)
    {
        response.StatusCode = StatusCodes.Status411LengthRequired;
        return Task.CompletedTask;
    }
}
