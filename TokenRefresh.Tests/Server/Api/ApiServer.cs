using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

/// <summary>A running server as a program with a key meets it.</summary>
internal static class ApiServer
{
    /// <summary>Starts a server whose token is fresh, and gives its client a key for the tokens that the patterns name.</summary>
    public static async Task<RunningServer> FreshAsync(PostgresFixture postgres, string patterns, params (string, string)[] settings)
    {
        var server = await RunningServer.StartAsync(postgres, settings: settings);
        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version == 1, "the token is obtained");
        await SignInAsync(server, patterns);
        await server.Services.GetRequiredService<TokenChangeListener>().ReloadAllAsync(CancellationToken.None);
        return server;
    }

    /// <summary>Gives the server's client a key for the tokens that the patterns name.</summary>
    public static async Task SignInAsync(RunningServer server, string patterns) =>
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await KeyAsync(server, "program", patterns));

    /// <summary>A new key of a new client, which the server knows.</summary>
    public static async Task<string> KeyAsync(RunningServer server, string client, string patterns)
    {
        var key = await server.Services.GetRequiredService<ClientKeys>().IssueAsync(client, patterns, "a test", CancellationToken.None);
        await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(CancellationToken.None);
        return key;
    }
}

/// <summary>A program with a key of its own at a server that others use too.</summary>
internal sealed class ApiProgram(RunningServer server, string key) : IDisposable
{
    public HttpClient Http { get; } = new(new HttpClientHandler { AllowAutoRedirect = false })
    {
        BaseAddress = server.Http.BaseAddress,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
    };

    public ModelProvider Provider => server.Provider;

    public IServiceProvider Services => server.Services;

    public void Dispose() => Http.Dispose();
}
