using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Providers.Client;

namespace TokenRefresh.Tests.Providers.Client;

/// <summary>A program with the handler, an API that it calls, and a TokenRefresh server as a model that counts what reaches it.</summary>
internal sealed class ClientWorld : IDisposable
{
    private readonly HttpClient server;

    public ClientWorld(Action<TokenRefreshClientOptions>? change = null)
    {
        server = new(new Answering(AnswerAsServerAsync));
        var options = new TokenRefreshClientOptions { Server = new("http://tokens.internal:5080"), Key = "trk_key" };
        change?.Invoke(options);
        Client = new(server, options, Clock);
        Api = new(new TokenRefreshHandler("fino_kyc", Client) { InnerHandler = new Answering(AnswerAsApiAsync) }) { BaseAddress = new("https://api.example.com") };
    }

    public FakeTimeProvider Clock { get; } = new(ProviderWorld.Now);

    public TokenRefreshClient Client { get; }

    /// <summary>What the program calls.</summary>
    public HttpClient Api { get; }

    public long Version { get; set; } = 7;

    public TimeSpan Life { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How the server answers instead of with a token.</summary>
    public Func<HttpResponseMessage?> ServerSays { get; set; } = () => null;

    /// <summary>Holds the server's answers back.</summary>
    public Task ServerWaits { get; set; } = Task.CompletedTask;

    /// <summary>What the server does when a version is reported.</summary>
    public Action<long> OnReport { get; set; } = _ => { };

    /// <summary>How the API answers a bearer.</summary>
    public Func<string, HttpResponseMessage> ApiSays { get; set; } = _ => new(HttpStatusCode.OK);

    public List<string> ServerCalls { get; } = [];

    /// <summary>Each request that the API got, as its bearer and its body.</summary>
    public List<(string Bearer, string Body)> ApiCalls { get; } = [];

    public static HttpResponseMessage Json(int status, string body) => new((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    /// <summary>Runs what waits for the clock.</summary>
    public async Task<T> WithTimePassingAsync<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        return await task;
    }

    public void Dispose()
    {
        Api.Dispose();
        server.Dispose();
    }

    private async Task<HttpResponseMessage> AnswerAsServerAsync(HttpRequestMessage request)
    {
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync();
        lock (ServerCalls)
        {
            ServerCalls.Add($"{request.Method} {request.RequestUri!.PathAndQuery}{body}");
        }

        if (request.Headers.Authorization?.ToString() != "Bearer trk_key")
        {
            return Json(401, """{"code":"no_key"}""");
        }

        await ServerWaits;
        if (ServerSays() is { } said)
        {
            return said;
        }

        if (request.Method == HttpMethod.Post)
        {
            OnReport(JsonDocument.Parse(body).RootElement.GetProperty("version").GetInt64());
            return new(HttpStatusCode.Accepted);
        }

        return Json(200, $$"""{"name":"fino_kyc","access_token":"token-{{Version}}","token_type":"Bearer","expires_in":{{(int)Life.TotalSeconds}},"version":{{Version}}}""");
    }

    private async Task<HttpResponseMessage> AnswerAsApiAsync(HttpRequestMessage request)
    {
        var bearer = request.Headers.Authorization is { Scheme: "Bearer", Parameter: { } sent } ? sent : "";
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync();
        lock (ApiCalls)
        {
            ApiCalls.Add((bearer, body));
        }

        return ApiSays(bearer);
    }

    private sealed class Answering(Func<HttpRequestMessage, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => answer(request);
    }
}
