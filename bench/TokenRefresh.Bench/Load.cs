using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench;

/// <summary>Real nodes on a Postgres of their own against a provider that takes 50 ms: refreshes a second, waiting times, start, rest and growth.</summary>
internal sealed class Load(int tokens, string resultFile, IReadOnlyCollection<string> parts) : IAsyncDisposable
{
    private const int Turns = 5;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(90);

    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-bench-");
    private readonly StringBuilder report = new();
    private EmbeddedPostgres postgres = null!;
    private ProviderStub provider = null!;
    private int ports = 5200;

    public async Task RunAsync()
    {
        postgres = await EmbeddedPostgres.StartAsync(new(Path.Combine(data.FullName, "pg"), null) { ExtraSettings = ["track_commit_timestamp = on"] }, NullLogger.Instance, TimeProvider.System, CancellationToken.None);
        provider = await ProviderStub.StartAsync();
        report.AppendLine("| what | measured |").AppendLine("| --- | ---: |");

        if (Has("rates"))
        {
            await RatesAsync();
        }

        if (Has("nodes"))
        {
            await NodesAsync();
        }

        if (Has("slow"))
        {
            await SlowDiskAsync();
        }

        if (Has("open"))
        {
            await OpenTransactionAsync();
        }

        if (Has("alone"))
        {
            await AloneAsync();
        }

        if (Has("rest"))
        {
            foreach (var count in new[] { 10, tokens })
            {
                await StartAndRestAsync(count);
            }
        }

        await File.WriteAllTextAsync(resultFile, report.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        if (provider is not null)
        {
            await provider.DisposeAsync();
        }

        if (postgres is not null)
        {
            await postgres.DisposeAsync();
        }

        data.Delete(recursive: true);
    }

    private bool Has(string part) => parts.Count == 0 || parts.Contains(part);

    // Turn by turn, so that whatever else the machine does strikes both.
    private async Task RatesAsync()
    {
        var settings = await WorldAsync("rate", tokens);
        await using var cluster = await Cluster.StartAsync(settings, 1, () => ports++);
        await cluster.HoldAsync(tokens);
        await RefreshAllAsync(settings);
        var before = await SizeAsync(settings);
        var (ours, bare) = (new List<double>(), new List<double>());
        for (var turn = 0; turn < Turns; turn++)
        {
            ours.Add(tokens / (await RefreshAllAsync(settings)).TotalSeconds);
            bare.Add(await BareHangfireAsync($"bare{turn}", 100, 100));
        }

        Tell($"refreshed, logged and saved per second, {tokens:N0} tokens due at once, one node ({Turns} turns)", $"{Median(ours):N0} ({ours.Min():N0} to {ours.Max():N0})");
        Tell($"bare Hangfire on the same Postgres, the same call, nothing saved, 100 a job, turn by turn with it", $"{Median(bare):N0} ({bare.Min():N0} to {bare.Max():N0})");
        Tell("the one as a part of the other, in each turn", $"{Median([.. ours.Zip(bare).Select(turn => turn.First / turn.Second)]):0.00}");
        Tell("database growth per refresh: its row in the log and its job, until they are cleaned up", $"{(await SizeAsync(settings) - before) / (double)(tokens * Turns):N0} bytes");
        Tell("bare Hangfire, one a job", $"{await BareHangfireAsync("single", 3_000, 1):N0}");
    }

    private async Task NodesAsync()
    {
        foreach (var nodes in new[] { 1, 2, 4 })
        {
            Tell($"refreshed, logged and saved per second, {tokens:N0} tokens due at once, {Nodes(nodes)}", $"{await RateAsync($"nodes{nodes}", nodes):N0}");
        }
    }

    // Each commit waits for five milliseconds, as for a disk, and takes with it whoever commits meanwhile.
    private async Task SlowDiskAsync()
    {
        await using (var db = NpgsqlDataSource.Create(postgres.ConnectionString))
        {
            await SetAsync(db, "commit_delay = 5000", "commit_siblings = 0");
            Tell($"… one node, a disk on which a commit takes 5 ms", $"{await RateAsync("slow", 1):N0}");
            await SetAsync(db, "commit_delay = 0", "commit_siblings = 5");
        }
    }

    // What it could still see, nobody may clean up: each refresh leaves dead rows that all others have to pass.
    private async Task OpenTransactionAsync()
    {
        var settings = await WorldAsync("open", tokens);
        await using var cluster = await Cluster.StartAsync(settings, 1, () => ports++);
        await cluster.HoldAsync(tokens);
        await RefreshAllAsync(settings);
        await using var db = NpgsqlDataSource.Create(settings[NodeSettings.ConnectionString]);
        await using var connection = await db.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await new NpgsqlCommand("SELECT count(*) FROM tokens", connection, transaction).ExecuteScalarAsync();
        var (since, rates) = (Stopwatch.GetTimestamp(), new List<double>());
        while (Stopwatch.GetElapsedTime(since) < TimeSpan.FromMinutes(10))
        {
            rates.Add(tokens / (await RefreshAllAsync(settings)).TotalSeconds);
            await Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System);
        }

        Tell($"… one node, one transaction held open for ten minutes: the first and the last of {rates.Count} rounds", $"{rates[0]:N0} and {rates[^1]:N0}");
    }

    private async Task<double> RateAsync(string name, int nodes)
    {
        var settings = await WorldAsync(name, tokens);
        await using var cluster = await Cluster.StartAsync(settings, nodes, () => ports++);
        await cluster.HoldAsync(tokens);

        // Nodes run for weeks; what a fresh one has yet to compile is not asked here. Each makes as many refreshes before as one alone.
        for (var round = 0; round < nodes; round++)
        {
            await RefreshAllAsync(settings);
        }

        var rates = new List<double>();
        for (var turn = 0; turn < Turns; turn++)
        {
            rates.Add(tokens / (await RefreshAllAsync(settings)).TotalSeconds);
        }

        return Median(rates);
    }

    private static async Task SetAsync(NpgsqlDataSource db, params string[] settings)
    {
        foreach (var setting in settings)
        {
            await db.CreateCommand($"ALTER SYSTEM SET {setting}").ExecuteNonQueryAsync();
        }

        await db.CreateCommand("SELECT pg_reload_conf()").ExecuteNonQueryAsync();
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    // From the first call to the last save, by the rows of the log.
    private static async Task<TimeSpan> RefreshAllAsync(Dictionary<string, string> settings)
    {
        await using var db = NpgsqlDataSource.Create(settings[NodeSettings.ConnectionString]);
        var last = await ScalarAsync<long>(db, "SELECT coalesce(max(id), 0) FROM token_refresh_logs");
        await db.CreateCommand("UPDATE tokens SET refresh_due_at = now() - interval '1 second' WHERE version > 0").ExecuteNonQueryAsync();
        await ServerNode.RunAsync(settings, "schedule", "run", "due-token-refresh");
        await WaitFor.TrueAsync(() => ScalarAsync<bool>(db, "SELECT NOT EXISTS (SELECT FROM tokens WHERE version > 0 AND refresh_due_at <= now())"), "all tokens are refreshed");
        return await ScalarAsync<TimeSpan>(db, $"SELECT max(completed_at) - min(started_at) FROM token_refresh_logs WHERE id > {last} AND status = 'success'");
    }

    private async Task<double> BareHangfireAsync(string name, int jobs, int each)
    {
        var database = await DatabaseAsync(name);
        provider.Calls.Clear();
        await ServerOfBareHangfireAsync(database, jobs, each);
        var calls = provider.Calls.ToArray();
        return calls.Length / Stopwatch.GetElapsedTime(calls.Min(), calls.Max()).TotalSeconds;
    }

    private async Task ServerOfBareHangfireAsync(string database, int jobs, int each)
    {
        using var process = Process.Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "TokenRefresh.Bench.dll"), "bare-hangfire", database, provider.Address, $"{jobs}", $"{each}"]);
        await process.WaitForExitAsync();
    }

    // Turn by turn with another build where TOKENREFRESH_BENCH_OTHER names the folder that it was published to.
    private async Task AloneAsync()
    {
        var builds = new[] { ("", (string?)null) }.Concat(Environment.GetEnvironmentVariable("TOKENREFRESH_BENCH_OTHER") is { Length: > 0 } folder ? [(", the other build", folder)] : []).ToList();
        var waits = builds.ToDictionary(build => build.Item1, _ => (ToCall: new List<double>(), ToSaved: new List<double>()));
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var (name, build) in builds)
            {
                await AloneAsync($"alone{turn}{(build is null ? "" : "other")}", build, waits[name].ToCall, waits[name].ToSaved);
            }
        }

        foreach (var (name, (toCall, toSaved)) in waits)
        {
            Tell($"one refresh alone{name}: from the order to the call at the provider, median and p95", $"{At(toCall, 0.5):0.0} and {At(toCall, 0.95):0.0} ms");
            Tell($"one refresh alone{name}: from the call, which takes {ProviderStub.Latency.TotalMilliseconds:0} ms, to the commit, median and p95", $"{At(toSaved, 0.5):0.0} and {At(toSaved, 0.95):0.0} ms");
        }

        static double At(List<double> values, double part) => values.Order().ElementAt((int)(values.Count * part));
    }

    private async Task AloneAsync(string name, string? build, List<double> toCall, List<double> toSaved)
    {
        var settings = await WorldAsync(name, 10);
        await using var cluster = await Cluster.StartAsync(settings, 1, () => ports++, build);
        await cluster.HoldAsync(10);
        await using var db = NpgsqlDataSource.Create(settings[NodeSettings.ConnectionString]);
        cluster[0].SignIn(await ServerNode.RunAsync(settings, "clients", "add", "bench", "--tokens", "*"));
        for (var round = 0; round < 90; round++)
        {
            provider.Calls.Clear();
            var (asked, token) = (Stopwatch.GetTimestamp(), NodeSettings.Name(round % 10));
            var version = await ScalarAsync<long>(db, $"SELECT version FROM tokens WHERE name = '{token}'");
            (await cluster[0].Http.PostAsJsonAsync("/api/tokens/refresh", new { token, force = true })).EnsureSuccessStatusCode();
            await WaitFor.TrueAsync(() => ScalarAsync<bool>(db, $"SELECT version > {version} FROM tokens WHERE name = '{token}'"), "it is saved");
            var (called, now) = (provider.Calls.First(), Stopwatch.GetTimestamp());
            var ago = await ScalarAsync<TimeSpan>(db, $"SELECT clock_timestamp() - pg_xact_commit_timestamp(xmin) FROM tokens WHERE name = '{token}'");
            if (round >= 20)
            {
                toCall.Add(Stopwatch.GetElapsedTime(asked, called).TotalMilliseconds);
                toSaved.Add((Stopwatch.GetElapsedTime(called, now) - ago).TotalMilliseconds);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(150), TimeProvider.System);
        }
    }

    private async Task StartAndRestAsync(int count)
    {
        var settings = await WorldAsync($"rest{count}", count);
        string key;
        await using (var first = await Cluster.StartAsync(settings, 1, () => ports++))
        {
            await first.HoldAsync(count);
            key = await ServerNode.RunAsync(settings, "clients", "add", "bench", "--tokens", "*");
        }

        var started = Stopwatch.GetTimestamp();
        await using var node = ServerNode.Start(settings, ports++);
        node.SignIn(key);
        for (var number = 0; number < count; number++)
        {
            var path = new Uri($"/api/tokens/{NodeSettings.Name(number)}/access-token", UriKind.Relative);
            await WaitFor.TrueAsync(async () => (await node.Http.GetAsync(path)).IsSuccessStatusCode, "the token is served");
            if (number == 0)
            {
                Tell($"from process start to the first token served, {count:N0} tokens", $"{Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
            }
        }

        Tell($"… until each of {count:N0} tokens served, one after another", $"{Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        // What was read just now is written down within a minute; that is work, not rest.
        await Task.Delay(TimeSpan.FromSeconds(75), TimeProvider.System);
        var statements = await PostgresLog.StatementsAsync(postgres.ConnectionString, Rest);
        var (resident, own) = node.Memory;
        Tell($"memory at rest, {count:N0} tokens: resident, and without shared file pages", $"{resident:0} and {own:0} MB");
        Tell($"SQL statements per second at rest, {count:N0} tokens", $"{statements:0.0}");
    }

    private static string Nodes(int count) => count == 1 ? "one node" : $"{count} nodes";

    /// <summary>A database of its own and the settings of nodes with so many tokens.</summary>
    private async Task<Dictionary<string, string>> WorldAsync(string name, int count) =>
        NodeSettings.Of(await DatabaseAsync(name), Path.Combine(data.FullName, name), provider.Address, count);

    private async Task<string> DatabaseAsync(string name)
    {
        await using var db = NpgsqlDataSource.Create(postgres.ConnectionString);
        await db.CreateCommand($"CREATE DATABASE {name}").ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = name, Pooling = true }.ConnectionString;
    }

    private static async Task<long> SizeAsync(Dictionary<string, string> settings)
    {
        await using var db = NpgsqlDataSource.Create(settings[NodeSettings.ConnectionString]);
        return await ScalarAsync<long>(db, "SELECT pg_database_size(current_database())");
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlDataSource db, string sql) => (T)(await db.CreateCommand(sql).ExecuteScalarAsync())!;

    private void Tell(string what, string measured)
    {
        report.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {measured} |");
        Console.Error.WriteLine($"{what}: {measured}");
    }

    /// <summary>Nodes on one database.</summary>
    private sealed class Cluster(Dictionary<string, string> settings, List<ServerNode> nodes) : IAsyncDisposable
    {
        public ServerNode this[int number] => nodes[number];

        public static async Task<Cluster> StartAsync(Dictionary<string, string> settings, int count, Func<int> port, string? build = null)
        {
            var cluster = new Cluster(settings, []);
            for (var number = 0; number < count; number++)
            {
                cluster.Add(ServerNode.Start(settings, port(), build: build));
                await cluster[number].BecomesReadyAsync();
            }

            return cluster;
        }

        public void Add(ServerNode node) => nodes.Add(node);

        /// <summary>Waits until so many tokens are held for the first time.</summary>
        public async Task HoldAsync(int count)
        {
            await using var db = NpgsqlDataSource.Create(settings[NodeSettings.ConnectionString]);
            await WaitFor.TrueAsync(async () => await ScalarAsync<long>(db, "SELECT count(*) FROM tokens WHERE version > 0") >= count, "all tokens are obtained");
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }
}
