using System.Collections.Concurrent;
using System.Net.Http.Headers;

namespace TokenRefresh.Bench.Chaos;

/// <summary>What programs do whose token the API has refused: they report the version to the node that served it. Keeps when a report was taken, and each dead token that was served.</summary>
internal sealed class DeadTokenReports : IDisposable
{
    private readonly ChaosNodes nodes;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(12) };
    private readonly ConcurrentDictionary<IssuedAccess, DateTimeOffset> takenAt = [];
    private readonly ConcurrentQueue<(IssuedAccess Access, long Version, int Node, DateTimeOffset AskedAt)> served = [];

    public DeadTokenReports(ChaosNodes nodes, string key)
    {
        this.nodes = nodes;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>Dead tokens of which a report was taken.</summary>
    public int Count => takenAt.Count;

    /// <summary>Reads that returned a token longer after a report of it was taken than its renewal may last, from the end of a fault that was under way.</summary>
    public IEnumerable<string> ServedAfterReport(Spells faults, TimeSpan renewal) => served
        .Where(read => takenAt.TryGetValue(read.Access, out var at) && read.AskedAt > at + renewal && !faults.Touch(read.AskedAt - renewal, read.AskedAt))
        .Select(read => $"{read.Access.Token.Name} version {read.Version} at node {read.Node + 1}, {(read.AskedAt - takenAt[read.Access]).TotalSeconds:0.0} s after the report");

    /// <summary>A token was read; where the provider has ended it before, that is reported.</summary>
    public async Task SeenAsync(int node, long version, IssuedAccess access, DateTimeOffset askedAt)
    {
        if (!(access.ReplacedAt < askedAt))
        {
            return;
        }

        served.Enqueue((access, version, node, askedAt));
        try
        {
            using var response = await http.PostAsJsonAsync(new Uri(nodes.Address(node), $"/api/tokens/{access.Token.Name}/rejected"), new { version });
            if (response.IsSuccessStatusCode)
            {
                takenAt.TryAdd(access, Timeline.Now);
            }
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
        {
            // Its next read reports it again.
        }
    }

    public void Dispose() => http.Dispose();
}
