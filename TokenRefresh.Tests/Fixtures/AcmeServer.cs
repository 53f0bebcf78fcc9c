using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>The token endpoint of an OAuth2 provider that is added at run time: issues to everyone, or to those who have one secret.</summary>
internal sealed class AcmeServer : IAsyncDisposable
{
    private LoopbackServer server = null!;

    private AcmeServer()
    {
    }

    /// <summary>The secret that is accepted; null for any.</summary>
    public string? Accepted { get; set; }

    /// <summary>The secrets that came.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    public string TokenUrl => $"{server.Address}/token";

    public static async Task<AcmeServer> StartAsync()
    {
        var acme = new AcmeServer();
        acme.server = await LoopbackServer.StartAsync(acme.AnswerAsync);
        return acme;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var secret = (await http.Request.ReadFormAsync())["client_secret"].ToString();
        Asked.Enqueue(secret);
        if (Accepted is not null && secret != Accepted)
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            await http.Response.WriteAsJsonAsync(new { error = "invalid_client" });
            return;
        }

        await http.Response.WriteAsJsonAsync(new { access_token = $"planted-issued-{Guid.NewGuid():N}", token_type = "Bearer", expires_in = 3600 });
    }
}
