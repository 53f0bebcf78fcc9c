using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

/// <summary>A test with a sandbox and a database of its own, on Thursday 5 September 2024, 08:45:30 in Tehran.</summary>
public abstract class SandboxTest(PostgresFixture postgres) : IAsyncLifetime
{
    internal SandboxHost Host { get; private set; } = null!;

    internal SignallingClock Clock { get; } = new(new(2024, 9, 5, 5, 15, 30, TimeSpan.Zero));

    internal string ConnectionString { get; private set; } = null!;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        ConnectionString = await postgres.CreateDatabaseAsync();
        Host = await SandboxHost.StartAsync(ConnectionString, Clock);
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal async Task<Answer> BehaveAsync(string provider, string behaviour)
    {
        var answer = await Host.Http.SendAsync(Post($"/sandbox/{provider}/behaviour", behaviour), Stop).ReadAsync();
        answer.Status.ShouldBe(200, answer.Text);
        return answer;
    }

    internal Task<Answer> SendAsync(HttpRequestMessage request) => Host.Http.SendAsync(request, Stop).ReadAsync();

    internal static HttpRequestMessage Post(string path, string body, string contentType = "application/json") =>
        new(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, contentType) };
}

/// <summary>A clock that tells when somebody begins to wait for it.</summary>
internal sealed class SignallingClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    private readonly Channel<TimeSpan> waits = Channel.CreateUnbounded<TimeSpan>();

    /// <summary>Completes once for each who has begun to wait.</summary>
    public Task SomebodyWaitsAsync(CancellationToken cancellationToken) => waits.Reader.ReadAsync(cancellationToken).AsTask();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        waits.Writer.TryWrite(dueTime);
        return timer;
    }
}

/// <summary>An answer, read to its end.</summary>
internal sealed record Answer(int Status, string Text, HttpResponseHeaders Headers, string? ContentType)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    /// <summary>Jibit's error code.</summary>
    public string? Code => (string?)Json["code"];

    /// <summary>Finnotech's error code and message.</summary>
    public string Error => $"{Json["error"]!["code"]}: {Json["error"]!["message"]}";
}

internal static class AnswerReading
{
    public static async Task<Answer> ReadAsync(this Task<HttpResponseMessage> sending)
    {
        using var response = await sending;
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new((int)response.StatusCode, text, response.Headers, response.Content.Headers.ContentType?.MediaType);
    }
}
