using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;

namespace TokenRefresh.Bench.Chaos;

/// <summary>
/// Three real nodes, a real Postgres, a provider, a mail server and programs that read, while everything goes wrong by a seeded schedule;
/// then everything that must hold is looked at.
/// </summary>
internal sealed class ChaosRun(TimeSpan time, int seed, string resultFile)
{
    /// <summary>Within this all tokens must be fresh after the last fault.</summary>
    private static readonly TimeSpan FreshWithin = TimeSpan.FromMinutes(2);

    /// <summary>A mail is tried again after at most two minutes here, a killed process's job after one.</summary>
    private static readonly TimeSpan SettledWithin = TimeSpan.FromMinutes(5);

    // Not by CreateTempSubdirectory, which would keep Postgres's user out.
    private readonly string home = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"tokenrefresh-chaos-{Guid.NewGuid():N}")).FullName;
    private readonly Timeline timeline = new();
    private readonly List<Check> checks = [];

    /// <summary>When any node said that not every token is fresh, or did not say it.</summary>
    private readonly Spells stale = new();

    /// <summary>Runs it; 0 where everything held.</summary>
    public async Task<int> RunAsync()
    {
        timeline.Tell($"seed {seed}");
        await MakeAsync();
        if (checks.Exists(check => check.Holds == false))
        {
            Console.Error.WriteLine($"Seed {seed}; the nodes' output is in {home}.");
            return 1;
        }

        Console.Error.WriteLine("Everything held.");
        Directory.Delete(home, recursive: true);
        return 0;
    }

    private async Task MakeAsync()
    {
        await using var postgres = await ChaosPostgres.StartAsync(Path.Combine(home, "postgres"), timeline);
        using var mailbox = new Mailbox();
        ChaosNodes? started = null;
        await using var provider = await ProviderModel.StartAsync(new(seed, 10), new(() => started?.Processes ?? []));
        var settings = Settings(postgres.ConnectionString, provider, mailbox);
        await using var nodes = started = new(node => new Dictionary<string, string>(settings) { ["Data__Directory"] = Path.Combine(home, $"node{node + 1}") }, home, timeline);
        await nodes.StartAsync();
        var key = await ServerNode.RunAsync(new Dictionary<string, string>(settings) { ["Data__Directory"] = Path.Combine(home, "verb") }, "clients", "add", "chaos", "--tokens", "*");
        await using var db = NpgsqlDataSource.Create(postgres.ConnectionString);
        await UntilAsync(() => IsFreshAsync(nodes), TimeSpan.FromMinutes(1));

        await using var watch = new DatabaseWatch(postgres.ConnectionString);
        await using var readers = new Readers(nodes, provider.Book, key);
        await using var orders = new Orders(nodes, new(seed, 11), key);
        timeline.Tell($"{ChaosNodes.Count} nodes serve {ChaosToken.All.Count} tokens");
        var faults = new Faults(nodes, postgres, provider, mailbox, timeline, seed);
        using var stop = new CancellationTokenSource();
        var looking = LookAsync(nodes, stop.Token);
        await faults.RunAsync(time);
        await orders.StopAsync();
        await SettleAsync(nodes, orders, db, faults.LastOfTokens);
        await stop.CancelAsync();
        await looking;
        await readers.StopAsync();
        await watch.StopAsync();

        var evidence = await Evidence.ReadAsync(db);
        checks.InsertRange(0, new Checks(timeline, nodes, provider.Book, mailbox, readers, orders, watch, evidence).All());
        foreach (var check in checks.Where(check => check.Holds == false))
        {
            timeline.Tell($"BROKEN: {check.Name}: {check.Figure}{string.Concat(check.Broken.Take(20).Select(words => $"\n    {words}"))}");
        }

        await File.WriteAllTextAsync(resultFile, Report(postgres, faults.Made));
    }

    /// <summary>The settings of a node that shares a database, a provider and a mail server with others, and looks every five seconds.</summary>
    public static Dictionary<string, string> Settings(string connectionString, ProviderModel provider, Mailbox mailbox) => new(provider.Settings)
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Production",
        ["ConnectionStrings__TokenRefresh"] = connectionString,
        ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[32]),
        ["Email__Host"] = "127.0.0.1",
        ["Email__Port"] = $"{mailbox.Port}",
        ["Email__Security"] = "None",
        ["TokenRefresh__Notifications__Email"] = "ops@example.com",
        ["TokenRefresh__Notifications__CriticalThreshold"] = "00:00:30",

        // A mail for each refresh, so that the outbox is never idle when something is killed.
        ["TokenRefresh__Notifications__OnSuccess"] = "true",
        ["TokenRefresh__Health__CheckCron"] = "*/5 * * * * *",
        ["TokenRefresh__Schedule__DueCheckCron"] = "*/5 * * * * *",
        ["TokenRefresh__Schedule__Backoff"] = "00:00:10",
        ["Logging__LogLevel__Default"] = "Information",
    };

    private async Task LookAsync(ChaosNodes nodes, CancellationToken stop)
    {
        for (; !stop.IsCancellationRequested; await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None))
        {
            if (await IsFreshAsync(nodes))
            {
                stale.End(Timeline.Now);
            }
            else
            {
                stale.Begin(Timeline.Now);
            }
        }
    }

    private async Task SettleAsync(ChaosNodes nodes, Orders orders, NpgsqlDataSource db, DateTimeOffset last)
    {
        timeline.Tell("the last fault is over");
        var isFresh = await UntilAsync(() => Task.FromResult(!stale.IsOn), FreshWithin);
        var took = stale.EndedAt > last ? stale.EndedAt.Value - last : TimeSpan.Zero;
        timeline.Tell(isFresh ? "all tokens are fresh" : "not all tokens are fresh");
        checks.Add(new(
            "seconds from the last fault (except mail) until every node reported all tokens as fresh, at most 120",
            took.TotalSeconds.ToString("0", CultureInfo.InvariantCulture), isFresh && took <= FreshWithin, []));
        await UntilAsync(
            async () =>
            {
                await using var isSettled = db.CreateCommand(
                    """
                    SELECT NOT EXISTS (SELECT FROM notifications WHERE status = 'pending' AND created_at < now() - interval '30 seconds')
                       AND NOT EXISTS (SELECT FROM incidents WHERE resolved_at IS NULL AND told_at IS NOT NULL AND kind <> 'success_rate')
                       AND NOT EXISTS (SELECT FROM token_refresh_logs WHERE status = 'running' AND started_at < now() - interval '30 seconds')
                       AND NOT EXISTS (SELECT FROM hangfire.job WHERE id = ANY($1) AND statename <> ALL($2))
                    """);
                isSettled.Parameters.Add(new() { Value = orders.Acknowledged.Select(order => long.Parse(order.JobId, CultureInfo.InvariantCulture)).ToArray() });
                isSettled.Parameters.Add(new() { Value = Evidence.Ended.ToArray() });
                return (bool)(await isSettled.ExecuteScalarAsync())!;
            },
            SettledWithin);
        timeline.Tell("outbox, log and queue have settled, or had their time to");
    }

    /// <summary>True where every node says that all tokens are fresh.</summary>
    public static async Task<bool> IsFreshAsync(ChaosNodes nodes)
    {
        for (var node = 0; node < ChaosNodes.Count; node++)
        {
            try
            {
                if (nodes.Of(node) is not { ReadyAt: not null, EndedAt: null } life || !(await life.Server.Http.GetAsync(new Uri("/health/fresh", UriKind.Relative))).IsSuccessStatusCode)
                {
                    return false;
                }
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                return false;
            }
        }

        return true;
    }

    private static async Task<bool> UntilAsync(Func<Task<bool>> holds, TimeSpan limit)
    {
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < limit; await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System))
        {
            try
            {
                if (await holds())
                {
                    return true;
                }
            }
            catch (NpgsqlException)
            {
                // Its connections were cut; the next one is new.
            }
        }

        return false;
    }

    private string Report(ChaosPostgres postgres, IReadOnlyList<Fault> faults)
    {
        var report = new StringBuilder();
        report.AppendLine(CultureInfo.InvariantCulture, $"Seed {seed}. {(postgres.HasOwnDisk ? "" : "The full disk was left out: no file system could be mounted for it. ")}{faults.Count} faults:").AppendLine();
        report.AppendLine("| from | to | fault | |").AppendLine("| ---: | ---: | --- | --- |");
        foreach (var fault in faults)
        {
            report.AppendLine(CultureInfo.InvariantCulture, $"| {Timeline.InWords(timeline.Since(fault.From))} | {Timeline.InWords(timeline.Since(fault.To))} | {fault.Name} | {fault.Words} |");
        }

        return report.AppendLine().Append(Check.Table(checks)).ToString();
    }
}
