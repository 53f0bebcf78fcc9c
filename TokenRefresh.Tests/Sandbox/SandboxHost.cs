using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using TokenRefresh.Server.Sandbox;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

/// <summary>One node that serves nothing but the sandbox, on a port of its own.</summary>
internal sealed class SandboxHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private SandboxHost(WebApplication app)
    {
        this.app = app;
        Http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new(app.Urls.Single()) };
    }

    public HttpClient Http { get; }

    public IServiceProvider Services => app.Services;

    /// <param name="connectionString">The database, which several nodes may share.</param>
    /// <param name="clock">The time at the providers.</param>
    /// <param name="caller">Where the calls seem to come from; null for where they do.</param>
    public static async Task<SandboxHost> StartAsync(string connectionString, TimeProvider clock, IPAddress? caller = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(clock);
        builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(connectionString));
        builder.Services.AddSandbox();

        var app = builder.Build();
        if (caller is not null)
        {
            app.Use((context, next) =>
            {
                context.Connection.RemoteIpAddress = caller;
                return next(context);
            });
        }

        app.MapSandbox();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new(app);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await app.DisposeAsync();
    }
}
