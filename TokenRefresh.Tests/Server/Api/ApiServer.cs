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
    public static async Task SignInAsync(RunningServer server, string patterns)
    {
        var key = await server.Services.GetRequiredService<ClientKeys>().IssueAsync("program", patterns, "a test", CancellationToken.None);
        await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(CancellationToken.None);
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }
}
