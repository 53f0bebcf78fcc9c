using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>A receiver on loopback: of webhooks, or of signs of life.</summary>
internal sealed class HookStub : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<(string Body, string Signature, string Delivery)> taken = new();
    private readonly ConcurrentQueue<string> paths = new();
    private readonly ConcurrentQueue<string> userAgents = new();

    public HookStub()
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Run(TakeAsync);
        ((IHost)app).Start();
    }

    public string Address => $"{app.Urls.First()}/hook";

    public int Status { get; set; } = 204;

    /// <summary>Where an answer sends its reader on to.</summary>
    public string? Location { get; init; }

    public List<(string Body, string Signature, string Delivery)> Taken => [.. taken];

    /// <summary>Method and path of each request, in order.</summary>
    public List<string> Paths => [.. paths];

    /// <summary>What each request said that it was sent by.</summary>
    public List<string> UserAgents => [.. userAgents];

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        taken.Enqueue((await reader.ReadToEndAsync(), context.Request.Headers["X-TokenRefresh-Signature"].ToString(), context.Request.Headers["X-TokenRefresh-Delivery"].ToString()));
        paths.Enqueue($"{context.Request.Method} {context.Request.Path}");
        context.Response.StatusCode = LoopbackServer.LacksLength(context.Request) ? StatusCodes.Status411LengthRequired : Status;
        userAgents.Enqueue(context.Request.Headers.UserAgent.ToString());
        context.Response.Headers.Location = Location;
    }
}
