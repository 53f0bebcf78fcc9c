using System.Collections.Concurrent;
using System.Threading.Channels;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Pages;

/// <summary>Tells open pages, by server-sent events, that something has changed on any node; they fetch what they show. One subscription to the change feed for all of them.</summary>
internal sealed class PanelEvents : IChangeObserver
{
    /// <summary>Changes within this are told once.</summary>
    private static readonly TimeSpan Gathered = TimeSpan.FromMilliseconds(300);

    /// <summary>Keeps proxies from closing a quiet connection.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(25);

    private static readonly byte[] News = "data: changed\n\n"u8.ToArray(), Alive = ": alive\n\n"u8.ToArray();

    private readonly ConcurrentDictionary<Channel<bool>, bool> open = new();

    /// <summary>How many pages listen.</summary>
    public int Count => open.Count;

    /// <inheritdoc />
    public void Changed()
    {
        foreach (var page in open.Keys)
        {
            page.Writer.TryWrite(true);
        }
    }

    /// <summary>Answers a page for as long as it is open.</summary>
    public static async Task ServeAsync(HttpContext context, PanelEvents events, IHostApplicationLifetime lifetime, TimeProvider clock)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var page = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
        events.open[page] = true;
        try
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-store";

            // Nginx would keep events until its buffer is full.
            context.Response.Headers["X-Accel-Buffering"] = "no";
            await WriteAsync(context, Alive, ended.Token);
            while (!ended.IsCancellationRequested)
            {
                using var quiet = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
                var beat = Task.Delay(Heartbeat, clock, quiet.Token);
                var change = page.Reader.WaitToReadAsync(quiet.Token).AsTask();
                var isChange = await Task.WhenAny(beat, change) == change;
                await quiet.CancelAsync();
                if (isChange && !ended.IsCancellationRequested)
                {
                    await Task.Delay(Gathered, clock, ended.Token);
                    page.Reader.TryRead(out _);
                }

                await WriteAsync(context, isChange ? News : Alive, ended.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The page was closed, or the server stops.
        }
        finally
        {
            events.open.TryRemove(page, out _);
        }
    }

    private static async Task WriteAsync(HttpContext context, byte[] words, CancellationToken cancellationToken)
    {
        await context.Response.Body.WriteAsync(words, cancellationToken);
        await context.Response.Body.FlushAsync(cancellationToken);
    }
}
