using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Processes;

/// <summary>What a token endpoint was sent: the client's secret and the form.</summary>
internal sealed record TokenRequest(string Authorization, IReadOnlyDictionary<string, string> Form);

/// <summary>A token endpoint behind a real socket that answers whatever a test tells it.</summary>
internal sealed class TokenEndpointStub : IAsyncDisposable
{
    private readonly WebApplication app;

    private TokenEndpointStub(WebApplication app) => this.app = app;

    /// <summary>Status and body of the answer.</summary>
    public Func<TokenRequest, (int Status, string Body)> Answer { get; set; } = _ => (200, """{"access_token":"a"}""");

    public ConcurrentQueue<TokenRequest> Sent { get; } = [];

    /// <summary>What lets the program use this stub as the provider <c>acme</c>, for <c>crm</c> and for <c>alice</c>, whom a person has to import.</summary>
    public Dictionary<string, string> Settings(DataFolder data, string connectionString) => new()
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Development",
        ["Data__Directory"] = data.Path,
        ["ConnectionStrings__TokenRefresh"] = connectionString,
        ["Sandbox__Enabled"] = "false",
        ["Providers__Acme__Type"] = "OAuth2",
        ["Providers__Acme__TokenUrl"] = $"{app.Urls.First()}/token",
        ["Providers__Acme__ClientId"] = "client",
        ["Providers__Acme__ClientSecret"] = "the-first-secret",
        ["Tokens__crm__Provider"] = "acme",
        ["Tokens__alice__Provider"] = "acme",
        ["Tokens__alice__Grant"] = "Imported",
    };

    public static async Task<TokenEndpointStub> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var app = builder.Build();
        var stub = new TokenEndpointStub(app);
        app.MapPost("/token", async context =>
        {
            var form = await context.Request.ReadFormAsync();
            var request = new TokenRequest(context.Request.Headers.Authorization.ToString(), form.ToDictionary(pair => pair.Key, pair => pair.Value.ToString()));
            stub.Sent.Enqueue(request);
            var (status, body) = stub.Answer(request);
            context.Response.StatusCode = status;
            await context.Response.WriteAsync(body);
        });
        await app.StartAsync();
        return stub;
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}
