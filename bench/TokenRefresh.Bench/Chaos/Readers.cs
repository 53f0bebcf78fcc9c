using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A read that brought no token.</summary>
internal sealed record FailedRead(Life? Life, string Token, DateTimeOffset AskedAt, DateTimeOffset AnsweredAt, string Answer);

/// <summary>A token that one process has served, and when it first did.</summary>
internal sealed record Served(IssuedAccess Access, DateTimeOffset At);

/// <summary>
/// Programs that read tokens over HTTP all the while, from each node in turn. Where one does not answer or has none, the next is asked,
/// as a program behind a proxy is; each answer is judged for itself. One of them wants ten seconds of life, and so has tokens renewed.
/// </summary>
internal sealed class Readers : IAsyncDisposable
{
    private const int Programs = 4;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    // A server that waits for a refresh takes up to ten seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);

    /// <summary>A node that did not answer is left alone for so long, as a proxy does.</summary>
    private static readonly TimeSpan Avoided = TimeSpan.FromSeconds(3);

    private readonly ChaosNodes nodes;
    private readonly ProviderBook book;
    private readonly DeadTokenReports? reports;
    private readonly HttpClient http;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentDictionary<(string Token, long Version), IssuedAccess> versions = [];
    private readonly ConcurrentDictionary<(Life Life, string Token), ConcurrentQueue<Served>> served = [];
    private readonly long[] avoidedUntil = new long[ChaosNodes.Count];
    private readonly Task[] reading;
    private long count;
    private long unsaved;

    /// <param name="reports">Where programs report what the provider has ended; null where they do not.</param>
    public Readers(ChaosNodes nodes, ProviderBook book, string key, DeadTokenReports? reports = null)
    {
        (this.nodes, this.book, this.reports) = (nodes, book, reports);
        http = new() { Timeout = Patience };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        reading = [.. Enumerable.Range(0, Programs).Select(ReadAsync)];
    }

    /// <summary>Answers of all nodes, and reads that brought none.</summary>
    public long Count => Interlocked.Read(ref count);

    /// <summary>Answers with a token that its node could not save yet.</summary>
    public long Unsaved => Interlocked.Read(ref unsaved);

    public ConcurrentQueue<FailedRead> Failed { get; } = [];

    /// <summary>Tokens that were dead before they were asked for.</summary>
    public ConcurrentQueue<string> Expired { get; } = [];

    /// <summary>Tokens that the provider never issued under that name.</summary>
    public ConcurrentQueue<string> Unknown { get; } = [];

    /// <summary>Versions that named two tokens.</summary>
    public ConcurrentQueue<string> Torn { get; } = [];

    /// <summary>Versions under which an older token was stored than under the version before.</summary>
    public IEnumerable<string> Backwards => versions
        .GroupBy(stored => stored.Key.Token)
        .SelectMany(token => token.OrderBy(stored => stored.Key.Version).ToList() is var inOrder ? inOrder.Zip(inOrder.Skip(1)) : [])
        .Where(pair => pair.Second.Value.Number < pair.First.Value.Number)
        .Select(pair => $"{pair.Second.Key.Token} version {pair.Second.Key.Version}");

    /// <summary>What a process has served of a token, in order.</summary>
    public IEnumerable<Served> ServedBy(Life life, string token) => served.TryGetValue((life, token), out var by) ? by : [];

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(reading);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        http.Dispose();
        stop.Dispose();
    }

    private async Task ReadAsync(int program)
    {
        await Task.Yield();
        for (var turn = program; !stop.IsCancellationRequested; turn++)
        {
            var token = ChaosToken.All[turn % ChaosToken.All.Count].Name;
            var isServed = false;
            for (var attempt = 0; attempt < ChaosNodes.Count && !isServed; attempt++)
            {
                isServed = await ReadAsync(((turn / ChaosToken.All.Count) + attempt) % ChaosNodes.Count, token, program == 0 ? "?min_validity=10" : "");
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task<bool> ReadAsync(int node, string token, string wish)
    {
        var askedAt = Timeline.Now;
        if (Interlocked.Read(ref avoidedUntil[node]) > askedAt.UtcTicks)
        {
            return false;
        }

        var life = nodes.Of(node);
        string answer;
        try
        {
            using var response = await http.GetAsync(new Uri(nodes.Address(node), $"/api/tokens/{token}/access-token{wish}"), CancellationToken.None);
            var body = await response.Content.ReadAsStringAsync(CancellationToken.None);
            if (response.IsSuccessStatusCode)
            {
                await JudgeAsync(life, token, body, response.Headers.ETag?.Tag.Contains("-unsaved", StringComparison.Ordinal) != true, askedAt);
                Interlocked.Increment(ref count);
                return true;
            }

            answer = $"{(int)response.StatusCode} {Code(body)}";
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or IOException)
        {
            answer = error is OperationCanceledException ? $"no answer within {Patience.TotalSeconds} s" : "no connection";
            Interlocked.Exchange(ref avoidedUntil[node], (Timeline.Now + Avoided).UtcTicks);
        }

        Interlocked.Increment(ref count);
        Failed.Enqueue(new(life, token, askedAt, Timeline.Now, answer));
        return false;
    }

    private async Task JudgeAsync(Life? life, string token, string body, bool isSaved, DateTimeOffset askedAt)
    {
        using var answer = JsonDocument.Parse(body);
        var version = answer.RootElement.GetProperty("version").GetInt64();
        if (book.Find(answer.RootElement.GetProperty("access_token").GetString()!) is not { } access || access.Token.Name != token)
        {
            Unknown.Enqueue($"{token} version {version}");
            return;
        }

        if (access.ExpiresAt < askedAt)
        {
            Expired.Enqueue($"{token} version {version}, dead for {(askedAt - access.ExpiresAt).TotalSeconds:0.0} s");
        }

        if (isSaved)
        {
            access.WasServed(Timeline.Now);
            if (versions.GetOrAdd((token, version), access) != access)
            {
                Torn.Enqueue($"{token} version {version}");
            }
        }
        else
        {
            Interlocked.Increment(ref unsaved);
        }

        var by = served.GetOrAdd((life!, token), _ => []);
        if (by.LastOrDefault()?.Access != access)
        {
            by.Enqueue(new(access, Timeline.Now));
        }

        if (reports is not null)
        {
            await reports.SeenAsync(life!.Node, version, access, askedAt);
        }
    }

    private static string Code(string body)
    {
        try
        {
            using var problem = JsonDocument.Parse(body);
            return problem.RootElement.TryGetProperty("code", out var code) ? code.GetString() ?? "" : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }
}
