using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace TokenRefresh.Bench.Chaos;

/// <summary>One process of a node, from its start to its end.</summary>
internal sealed class Life(int node, ServerNode server)
{
    public int Node => node;

    public ServerNode Server => server;

    public DateTimeOffset StartedAt { get; } = Timeline.Now;

    /// <summary>When it first said that it was ready; from then on it counts as alive.</summary>
    public DateTimeOffset? ReadyAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>True where the run has ended it.</summary>
    public bool WasKilled { get; set; }

    /// <summary>When it was stopped by a signal and not yet continued.</summary>
    public Spells Stopped { get; } = new();

    /// <summary>True where it was ready, running and not stopped for the whole of a span.</summary>
    public bool IsAliveFor(DateTimeOffset from, DateTimeOffset to) => ReadyAt <= from && (EndedAt is not { } end || end > to) && !Stopped.Touch(from, to);

    /// <summary>True where it was killed or stopped at some time of a span.</summary>
    public bool WasHitIn(DateTimeOffset from, DateTimeOffset to) => (WasKilled && EndedAt >= from && EndedAt <= to) || Stopped.Touch(from, to);
}

/// <summary>Three nodes, each at an address of its own, and the supervisor that starts the next process where one has ended.</summary>
internal sealed class ChaosNodes : IAsyncDisposable
{
    public const int Count = 3;

    private readonly Lock gate = new();
    private readonly List<Life> lives = [];
    private readonly Life?[] current = new Life?[Count];
    private readonly CancellationTokenSource stop = new();
    private readonly int[] ports = [.. Enumerable.Range(0, Count).Select(_ => FreePort())];
    private readonly Func<int, IReadOnlyDictionary<string, string>> settings;
    private readonly string folder;
    private readonly Timeline timeline;
    private Task[] supervising = [];

    /// <param name="settings">Those of a node; each has a data folder of its own, which its next process takes over.</param>
    /// <param name="folder">Where the nodes' output goes.</param>
    public ChaosNodes(Func<int, IReadOnlyDictionary<string, string>> settings, string folder, Timeline timeline) =>
        (this.settings, this.folder, this.timeline) = (settings, folder, timeline);

    /// <summary>Every process that there was.</summary>
    public IReadOnlyList<Life> Lives
    {
        get
        {
            lock (gate)
            {
                return [.. lives];
            }
        }
    }

    public IEnumerable<int> Processes => current.OfType<Life>().Select(life => life.Server.Id);

    public Uri Address(int node) => new($"http://127.0.0.1:{ports[node]}");

    public Life? Of(int node) => Volatile.Read(ref current[node]);

    public Life? OfProcess(int process) => Lives.LastOrDefault(life => life.Server.Id == process);

    public bool AreAllReady => Enumerable.Range(0, Count).All(node => Of(node) is { ReadyAt: not null, EndedAt: null });

    public async Task StartAsync()
    {
        supervising = [.. Enumerable.Range(0, Count).Select(SuperviseAsync)];
        await WaitFor.TrueAsync(() => Task.FromResult(AreAllReady), "all nodes are ready");
    }

    public void Kill(Life life)
    {
        (life.WasKilled, life.EndedAt) = (true, Timeline.Now);
        life.Server.Signal("KILL");
    }

    public static void Stop(Life life)
    {
        life.Stopped.Begin(Timeline.Now);
        life.Server.Signal("STOP");
    }

    public static void Continue(Life life)
    {
        life.Server.Signal("CONT");
        life.Stopped.End(Timeline.Now);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(supervising);
        foreach (var life in current.OfType<Life>())
        {
            await life.Server.DisposeAsync();
        }

        stop.Dispose();
    }

    private async Task SuperviseAsync(int node)
    {
        while (!stop.IsCancellationRequested)
        {
            var life = Start(node);
            var beginning = BecomeReadyAsync(life);
            while (!life.Server.HasExited && !stop.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
            }

            if (stop.IsCancellationRequested)
            {
                await beginning;
                return;
            }

            if (!life.WasKilled)
            {
                life.EndedAt = Timeline.Now;
                timeline.Tell($"node {node + 1} ended by itself{(life.ReadyAt is null ? " before it was ready" : "")}; its supervisor starts it");
            }

            await beginning;
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None);
        }
    }

    private Life Start(int node)
    {
        var output = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"node{node + 1}.log"));
        var writing = new Lock();
        var life = new Life(node, ServerNode.Start(settings(node), ports[node], line =>
        {
            lock (writing)
            {
                File.AppendAllText(output, $"{Timeline.InWords(timeline.Since(Timeline.Now))} {line}\n");
            }
        }));
        lock (gate)
        {
            lives.Add(life);
        }

        Volatile.Write(ref current[node], life);
        return life;
    }

    private async Task BecomeReadyAsync(Life life)
    {
        while (life.EndedAt is null && !life.Server.HasExited && !stop.IsCancellationRequested)
        {
            try
            {
                if ((await life.Server.Http.GetAsync(new Uri("/health/ready", UriKind.Relative), stop.Token)).IsSuccessStatusCode)
                {
                    life.ReadyAt = Timeline.Now;
                    return;
                }
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                // Nobody listens yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, CancellationToken.None);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
