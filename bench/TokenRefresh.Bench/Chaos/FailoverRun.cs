using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Npgsql;

namespace TokenRefresh.Bench.Chaos;

/// <summary>
/// Three real nodes on a Postgres whose primary is lost again and again, together with what its replica had not received: before each failover the
/// replication is cut and every token is refreshed, and in every second one a call is in flight. The provider ends the old access token at each renewal, and takes a refresh token once.
/// </summary>
internal sealed class FailoverRun(int rounds, int seed, string resultFile)
{
    private static readonly TimeSpan FreshWithin = TimeSpan.FromMinutes(2);

    /// <summary>A call takes half a second; a node that reports waits for the lease and the save.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Catching = TimeSpan.FromSeconds(20);

    // Not by CreateTempSubdirectory, which would keep Postgres's user out.
    private readonly string home = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"tokenrefresh-failover-{Guid.NewGuid():N}")).FullName;
    private readonly Timeline timeline = new();
    private readonly Chance chance = new(seed, 20);
    private readonly Spells faults = new();
    private readonly StringBuilder made = new("| at | replica behind for | lost | a call in flight | seconds until all nodes were fresh |\n| ---: | ---: | ---: | --- | ---: |\n");
    private readonly List<double> seconds = [];

    /// <summary>Runs it; 0 where everything held.</summary>
    public async Task<int> RunAsync()
    {
        timeline.Tell($"seed {seed}");
        var checks = await MakeAsync();
        foreach (var check in checks.Where(check => check.Holds == false))
        {
            timeline.Tell($"BROKEN: {check.Name}: {check.Figure}{string.Concat(check.Broken.Take(20).Select(words => $"\n    {words}"))}");
        }

        await File.WriteAllTextAsync(resultFile, Report(checks));
        if (checks.Exists(check => check.Holds == false))
        {
            Console.Error.WriteLine($"Seed {seed}; the nodes' output is in {home}.");
            return 1;
        }

        Console.Error.WriteLine("Everything held.");
        Directory.Delete(home, recursive: true);
        return 0;
    }

    private async Task<List<Check>> MakeAsync()
    {
        await using var postgres = await ReplicatedPostgres.StartAsync(Path.Combine(home, "postgres"));
        using var mailbox = new Mailbox();
        ChaosNodes? started = null;
        await using var provider = await ProviderModel.StartAsync(new(seed, 10), new(() => started?.Processes ?? []), endsReplaced: true);
        var settings = ChaosRun.Settings(postgres.ConnectionString, provider, mailbox);
        await using var nodes = started = new(node => new Dictionary<string, string>(settings) { ["Data__Directory"] = Path.Combine(home, $"node{node + 1}") }, home, timeline);
        await nodes.StartAsync();
        var key = await ServerNode.RunAsync(new Dictionary<string, string>(settings) { ["Data__Directory"] = Path.Combine(home, "verb") }, "clients", "add", "failover", "--tokens", "*");
        await WaitFor.TrueAsync(() => ChaosRun.IsFreshAsync(nodes), "all nodes are fresh");

        await using var watch = new DatabaseWatch(postgres.ConnectionString);
        using var reports = new DeadTokenReports(nodes, key);
        await using var readers = new Readers(nodes, provider.Book, key, reports);
        timeline.Tell($"{ChaosNodes.Count} nodes serve {ChaosToken.All.Count} tokens");
        for (var round = 0; round < rounds; round++)
        {
            await FailOverAsync(postgres, nodes, provider, key, inFlight: round % 2 == 0);
        }

        await readers.StopAsync();
        await watch.StopAsync();
        return [.. Checks(nodes, provider.Book, readers, reports, watch)];
    }

    private async Task FailOverAsync(ReplicatedPostgres postgres, ChaosNodes nodes, ProviderModel provider, string key, bool inFlight)
    {
        var began = Timeline.Now;
        faults.Begin(began);
        postgres.StopReplication();
        await RefreshAllAsync(nodes, key);
        await Task.Delay(chance.Between(2, 6), TimeProvider.System);
        var trap = inFlight ? await CatchAsync(nodes, provider, key) : null;
        var behind = Timeline.Now - began;
        timeline.Tell($"the primary is lost{(trap is null ? "" : ", with a call in flight")}");
        var lost = await postgres.FailOverAsync();
        trap?.Released.TrySetResult();
        var back = Timeline.Now;
        timeline.Tell($"the replica is the primary, without the last {lost:N0} bytes");
        faults.End(back);

        // From the instant that they can: before, every node is away.
        await WaitFor.TrueAsync(() => ChaosRun.IsFreshAsync(nodes), "all nodes are fresh");
        seconds.Add((Timeline.Now - back).TotalSeconds);
        made.AppendLine(CultureInfo.InvariantCulture, $"| {Timeline.InWords(timeline.Since(back))} | {behind.TotalSeconds:0.0} s | {lost:N0} bytes | {(trap is null ? "no" : "yes")} | {seconds[^1]:0.0} |");
        await Task.Delay(chance.Between(8, 15), TimeProvider.System);
    }

    private static async Task<Trap?> CatchAsync(ChaosNodes nodes, ProviderModel provider, string key)
    {
        var catching = provider.CatchAsync(processes: true, Catching);
        await RefreshAllAsync(nodes, key);
        return (await catching)?.Trap;
    }

    private static async Task RefreshAllAsync(ChaosNodes nodes, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(nodes.Address(0), "/api/tokens/refresh")) { Content = JsonContent.Create(new { force = true }) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var http = new HttpClient();
        (await http.SendAsync(request)).EnsureSuccessStatusCode();
    }

    private IEnumerable<Check> Checks(ChaosNodes nodes, ProviderBook book, Readers readers, DeadTokenReports reports, DatabaseWatch watch)
    {
        var judge = new ReadJudge(book, readers, watch);
        var failed = readers.Failed.ToLookup(judge.Of);
        var again = book.Calls.Where(call => call.UsedUpBy is not null).ToLookup(call => call.UsedUpBy!.IsDelivered && nodes.OfProcess(call.UsedUpBy.Process)?.IsAliveFor(call.UsedUpBy.ArrivedAt, call.ArrivedAt) == true);
        yield return Check.Figured("reads made", readers.Count);
        yield return Check.None("reads failed at a live node that could have had a valid token", failed[ReadVerdict.Breach].Select(read => $"{At(read.AskedAt)} {read.Token} at node {read.Life!.Node + 1}: {read.Answer}"));
        yield return Check.Figured("– reads without a token for another reason", readers.Failed.Count - failed[ReadVerdict.Breach].Count());
        yield return Check.None("reads that returned an expired token", readers.Expired);
        yield return Check.None("reads that returned a token that the provider does not know", readers.Unknown);
        yield return Check.None("versions used for two tokens", readers.Torn);
        yield return Check.Figured("invalid tokens that programs reported", reports.Count);
        yield return Check.None("reads that returned an invalid token more than 10 s after it was reported", reports.ServedAfterReport(faults, Renewal));
        yield return Check.Figured("calls at the provider", book.Calls.Count);
        yield return Check.None(
            "used refresh tokens sent again although a live node holds the answer",
            again[true].Select(call => $"{At(call.ArrivedAt)} {call.Token.Name} by process {call.Process}, used up at {At(call.UsedUpBy!.ArrivedAt)} by process {call.UsedUpBy.Process}"));
        yield return Check.Figured("– used refresh tokens sent again because the answer was lost", again[false].Count());
        yield return Check.None("ready nodes that exited by themselves", nodes.Lives.Where(life => life is { ReadyAt: not null, EndedAt: not null }).Select(life => $"node {life.Node + 1} at {At(life.EndedAt!.Value)}"));
        yield return new("seconds from a failover until every node reported all tokens as fresh, the longest, at most 120", seconds.Max().ToString("0", CultureInfo.InvariantCulture), seconds.Max() <= FreshWithin.TotalSeconds, []);
    }

    private string Report(IEnumerable<Check> checks) =>
        $"## Failover to a replica that is behind\n\nSeed {seed}. {rounds} failovers to a promoted replica, three nodes, a provider that invalidates the old access token at each renewal:\n\n{made}\n{Check.Table(checks)}";

    private string At(DateTimeOffset instant) => Timeline.InWords(timeline.Since(instant));
}
