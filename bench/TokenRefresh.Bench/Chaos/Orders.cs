using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A refresh that a node has acknowledged.</summary>
internal sealed record AcknowledgedOrder(DateTimeOffset At, string Token, string JobId);

/// <summary>A program that orders refreshes over the API all the while, of any token at any living node, half of them forced.</summary>
internal sealed class Orders : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly ChaosNodes nodes;
    private readonly Chance chance;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly CancellationTokenSource stop = new();
    private readonly Task ordering;

    public Orders(ChaosNodes nodes, Chance chance, string key)
    {
        (this.nodes, this.chance) = (nodes, chance);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        ordering = OrderAsync();
    }

    public ConcurrentQueue<AcknowledgedOrder> Acknowledged { get; } = [];

    /// <summary>Orders that no node has acknowledged.</summary>
    public int Lost { get; private set; }

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await ordering;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        http.Dispose();
        stop.Dispose();
    }

    private async Task OrderAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            var token = chance.Pick(ChaosToken.All).Name;
            var isForced = chance.Of(0.5);
            var living = Enumerable.Range(0, ChaosNodes.Count).Where(node => nodes.Of(node)?.IsAliveFor(Timeline.Now, Timeline.Now) == true).ToList();
            if (living.Count == 0 || !await OrderAsync(chance.Pick(living), token, isForced))
            {
                Lost++;
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task<bool> OrderAsync(int node, string token, bool force)
    {
        try
        {
            using var response = await http.PostAsJsonAsync(new Uri(nodes.Address(node), "/api/tokens/refresh"), new { token, force }, CancellationToken.None);
            if (!response.IsSuccessStatusCode)
            {
                return false;
            }

            using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(CancellationToken.None));
            foreach (var job in answer.RootElement.GetProperty("data").GetProperty("jobs").EnumerateArray())
            {
                Acknowledged.Enqueue(new(Timeline.Now, token, job.GetProperty("job_id").GetString()!));
            }

            return true;
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or IOException)
        {
            return false;
        }
    }
}
