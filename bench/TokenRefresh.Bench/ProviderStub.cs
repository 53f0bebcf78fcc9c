using System.Collections.Concurrent;
using System.Diagnostics;

namespace TokenRefresh.Bench;

/// <summary>A provider that answers every token call as Jibit does, after a fixed time, and notes when each call came.</summary>
internal sealed class ProviderStub : IAsyncDisposable
{
    /// <summary>How long each call takes at the provider.</summary>
    public static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(50);

    private readonly WebApplication app;
    private int issued;

    private ProviderStub(WebApplication app) => this.app = app;

    public string Address => app.Urls.First();

    /// <summary>When each call came (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public ConcurrentQueue<long> Calls { get; } = [];

    public static async Task<ProviderStub> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var stub = new ProviderStub(app);
        app.MapPost("/v1/tokens/{call}", stub.AnswerAsync);
        await app.StartAsync();
        return stub;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        Calls.Enqueue(Stopwatch.GetTimestamp());
        await Task.Delay(Latency, TimeProvider.System, context.RequestAborted);
        var number = Interlocked.Increment(ref issued);
        await context.Response.WriteAsJsonAsync(new { accessToken = $"access-{number}", refreshToken = $"refresh-{number}" });
    }
}
