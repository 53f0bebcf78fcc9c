using Microsoft.AspNetCore.Http;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>A token endpoint on the loopback that takes one client secret, sent in the body.</summary>
internal sealed class TokenEndpoint(LoopbackServer server) : IAsyncDisposable
{
    private int calls;

    /// <summary>The secret that it takes now.</summary>
    public string Accepted { get; set; } = "planted-client-secret-of-acme";

    public int Calls => calls;

    public string Url => $"{server.Address}/token";

    public static async Task<TokenEndpoint> StartAsync()
    {
        TokenEndpoint self = null!;
        self = new(await LoopbackServer.StartAsync(http => self.AnswerAsync(http)));
        return self;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var number = Interlocked.Increment(ref calls);
        if ((await http.Request.ReadFormAsync())["client_secret"] != Accepted)
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            await http.Response.WriteAsJsonAsync(new { error = "invalid_client" });
            return;
        }

        await http.Response.WriteAsJsonAsync(new { access_token = $"issued-{number}-{Guid.NewGuid():N}", token_type = "Bearer", expires_in = 3600 });
    }
}
