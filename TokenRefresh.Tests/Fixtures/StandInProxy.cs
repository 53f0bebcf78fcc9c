using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>
/// A proxy as people put before the program: it keeps what it may keep, whoever asked first, as nginx's proxy_cache does, and it may show the program below
/// a path.
/// </summary>
internal sealed class StandInProxy : IAsyncDisposable
{
    private static readonly string[] NotPassedOn = ["Transfer-Encoding", "Connection", "Keep-Alive", "Content-Length"];

    private readonly HttpClient upstream;
    private readonly string prefix;
    private readonly bool isStripping;
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, Kept> kept = new();

    private StandInProxy(Uri program, string prefix, bool isStripping)
    {
        (this.prefix, this.isStripping) = (prefix, isStripping);
        upstream = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = program };
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.Run(PassOnAsync);
    }

    public Uri Address => new(app.Urls.First());

    /// <summary>How many answers came out of the cache.</summary>
    public int Hits { get; private set; }

    /// <summary>Starts one before the program.</summary>
    /// <param name="prefix">The path below which it shows the program; empty for none.</param>
    /// <param name="isStripping">Whether it takes the prefix off and says so in a header; else it passes the path on as it came.</param>
    public static async Task<StandInProxy> StartAsync(Uri program, string prefix = "", bool isStripping = true)
    {
        var proxy = new StandInProxy(program, prefix, isStripping);
        await proxy.app.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        upstream.Dispose();
    }

    private async Task PassOnAsync(HttpContext context)
    {
        var address = $"{context.Request.Path.ToUriComponent()}{context.Request.QueryString}";
        if (!address.StartsWith(prefix, StringComparison.Ordinal))
        {
            context.Response.StatusCode = StatusCodes.Status418ImATeapot;
            return;
        }

        if (HttpMethods.IsGet(context.Request.Method) && kept.TryGetValue(address, out var known))
        {
            Hits++;
            await AnswerAsync(context, known);
            return;
        }

        using var asked = new HttpRequestMessage(new(context.Request.Method), isStripping ? address[prefix.Length..] is { Length: > 0 } rest ? rest : "/" : address);
        if (context.Request.ContentLength > 0)
        {
            asked.Content = new StreamContent(context.Request.Body);
        }

        foreach (var (name, values) in context.Request.Headers.Where(header => !NotPassedOn.Contains(header.Key)))
        {
            if (!asked.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                asked.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        asked.Headers.Add("X-Forwarded-For", "203.0.113.9");
        if (prefix.Length > 0 && isStripping)
        {
            asked.Headers.Remove("X-Forwarded-Prefix");
            asked.Headers.Add("X-Forwarded-Prefix", prefix);
        }

        using var given = await upstream.SendAsync(asked);
        var answer = new Kept(
            (int)given.StatusCode, [.. given.Headers.Concat(given.Content.Headers).Where(header => !NotPassedOn.Contains(header.Key)).Select(header => (header.Key, header.Value.ToArray()))],
            await given.Content.ReadAsByteArrayAsync());
        if (HttpMethods.IsGet(context.Request.Method) && answer.MayBeKept)
        {
            kept[address] = answer;
        }

        await AnswerAsync(context, answer);
    }

    private static async Task AnswerAsync(HttpContext context, Kept answer)
    {
        context.Response.StatusCode = answer.Status;
        foreach (var (name, values) in answer.Headers)
        {
            context.Response.Headers[name] = values;
        }

        if (answer.Body.Length > 0)
        {
            await context.Response.Body.WriteAsync(answer.Body);
        }
    }

    private sealed record Kept(int Status, IReadOnlyList<(string Name, string[] Values)> Headers, byte[] Body)
    {
        public bool MayBeKept => Status is 200 or 301 or 302 or 404 or 410 && Headers.All(header => header.Name != "Set-Cookie")
            && !Headers.Any(header => header.Name == "Cache-Control" && header.Values.Any(value => value.Contains("no-store", StringComparison.Ordinal) || value.Contains("private", StringComparison.Ordinal)));
    }
}
