using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench;

/// <summary>Real nodes on a Postgres of their own against a provider that takes 50 ms: refreshes a second, waiting times, start, rest and growth.</summary>
internal sealed class Load(int tokens, string resultFile) : IAsyncDisposable
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(90);

    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-bench-");
    private readonly StringBuilder report = new();
    private EmbeddedPostgres postgres = null!;
    private ProviderStub provider = null!;
    private int ports = 5200;

    public async Task RunAsync()
    {
        postgres = await EmbeddedPostgres.StartAsync(new(Path.Combine(data.FullName, "pg"), null), NullLogger.Instance, TimeProvider.System, CancellationToken.None);
        provider = await ProviderStub.StartAsync();
        report.AppendLine("| what | measured |").AppendLine("| --- | ---: |");

        await RefreshesAsync();
        await BareHangfireAsync();
        await ButtonAsync();
        foreach (var count in new[] { 10, tokens })
        {
            await StartAndRestAsync(count);
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

    private async Task RefreshesAsync()
    {
        foreach (var nodes in new[] { 1, 2, 4 })
        {
            var settings = await WorldAsync($"rate{nodes}", tokens);
            await using var cluster = await Cluster.StartAsync(settings, nodes, () => ports++);
            await cluster.HoldAsync(tokens);

            // Nodes run for weeks; what a fresh one has yet to compile is not asked here. Each makes as many refreshes before as one alone.
            for (var round = 0; round < nodes; round++)
            {
                await RefreshAllAsync(settings);
            }

            var before = await SizeAsync(settings);
            var took = await RefreshAllAsync(settings);
            Tell($"refreshed, logged and saved per second, {tokens:N0} tokens due at once, {Nodes(nodes)}", $"{tokens / took.TotalSeconds:N0}");
            if (nodes == 1)
            {
                Tell("database growth per refresh: its row in the log and its job, until they are cleaned up", $"{(await SizeAsync(settings) - before) / (double)tokens:N0} bytes");
            }
        }
    }

    // From the first call to the last save, by the rows of the log.
    private static async Task<TimeSpan> RefreshAllAsync(Dictionary<string, string> settings)
    {
        await using var db = NpgsqlDataSource.Create(settings[ConnectionString]);
        var last = await ScalarAsync<long>(db, "SELECT coalesce(max(id), 0) FROM token_refresh_logs");
        await db.CreateCommand("UPDATE tokens SET refresh_due_at = now() - interval '1 second' WHERE version > 0").ExecuteNonQueryAsync();
        await ServerNode.RunAsync(settings, "schedule", "run", "due-token-refresh");
        await WaitFor.TrueAsync(() => ScalarAsync<bool>(db, "SELECT NOT EXISTS (SELECT FROM tokens WHERE version > 0 AND refresh_due_at <= now())"), "all tokens are refreshed");
        return await ScalarAsync<TimeSpan>(db, $"SELECT max(completed_at) - min(started_at) FROM token_refresh_logs WHERE id > {last} AND status = 'success'");
    }

    private async Task BareHangfireAsync()
    {
        foreach (var (jobs, each) in new[] { (3_000, 1), (300, 100) })
        {
            var database = await DatabaseAsync($"bare{each}");
            provider.Calls.Clear();
            await ServerOfBareHangfireAsync(database, jobs, each);
            var calls = provider.Calls.ToArray();
            var took = Stopwatch.GetElapsedTime(calls.Min(), calls.Max());
            Tell($"bare Hangfire on the same Postgres, the same call, nothing saved, {(each == 1 ? "one a job" : $"{each} a job")}", $"{calls.Length / took.TotalSeconds:N0}");
        }
    }

    private async Task ServerOfBareHangfireAsync(string database, int jobs, int each)
    {
        using var process = Process.Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "TokenRefresh.Bench.dll"), "bare-hangfire", database, provider.Address, $"{jobs}", $"{each}"]);
        await process.WaitForExitAsync();
    }

    private async Task ButtonAsync()
    {
        var settings = await WorldAsync("button", 10);
        await using var cluster = await Cluster.StartAsync(settings, 1, () => ports++);
        await cluster.HoldAsync(10);
        cluster[0].SignIn(await ServerNode.RunAsync(settings, "clients", "add", "bench", "--tokens", "*"));
        var waits = new List<double>();
        for (var round = 0; round < 110; round++)
        {
            provider.Calls.Clear();
            var asked = Stopwatch.GetTimestamp();
            (await cluster[0].Http.PostAsJsonAsync("/api/tokens/refresh", new { token = Name(round % 10), force = true })).EnsureSuccessStatusCode();
            await WaitFor.TrueAsync(() => Task.FromResult(!provider.Calls.IsEmpty), "the provider is called");
            if (round >= 10)
            {
                waits.Add(Stopwatch.GetElapsedTime(asked, provider.Calls.First()).TotalMilliseconds);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(150), TimeProvider.System);
        }

        waits.Sort();
        Tell("from a request to refresh to the call at the provider, median and p95", $"{waits[50]:0} and {waits[94]:0} ms");
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
            var path = new Uri($"/api/tokens/{Name(number)}/access-token", UriKind.Relative);
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

    private const string ConnectionString = "ConnectionStrings__TokenRefresh";

    private static string Name(int number) => $"t{number:00000}";

    private static string Nodes(int count) => count == 1 ? "one node" : $"{count} nodes";

    /// <summary>A database of its own and the settings of nodes with so many tokens.</summary>
    private async Task<Dictionary<string, string>> WorldAsync(string name, int count)
    {
        var settings = new Dictionary<string, string>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            [ConnectionString] = await DatabaseAsync(name),
            ["Data__Directory"] = Path.Combine(data.FullName, name),
            ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[32]),
            ["Providers__Jibit__BaseUrl"] = provider.Address,
            ["Providers__Jibit__ApiKey"] = "key",
            ["Providers__Jibit__SecretKey"] = "secret",
            ["Providers__Jibit__MaxConcurrency"] = "150",
            ["Api__ReadsPerSecond"] = "1000000",
            ["Logging__LogLevel__Default"] = "Error",
        };
        foreach (var number in Enumerable.Range(0, count))
        {
            settings[$"Tokens__{Name(number)}__Provider"] = "jibit";
        }

        return settings;
    }

    private async Task<string> DatabaseAsync(string name)
    {
        await using var db = NpgsqlDataSource.Create(postgres.ConnectionString);
        await db.CreateCommand($"CREATE DATABASE {name}").ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = name, Pooling = true }.ConnectionString;
    }

    private static async Task<long> SizeAsync(Dictionary<string, string> settings)
    {
        await using var db = NpgsqlDataSource.Create(settings[ConnectionString]);
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

        public static async Task<Cluster> StartAsync(Dictionary<string, string> settings, int count, Func<int> port)
        {
            var cluster = new Cluster(settings, []);
            for (var number = 0; number < count; number++)
            {
                cluster.Add(ServerNode.Start(settings, port()));
                await cluster[number].BecomesReadyAsync();
            }

            return cluster;
        }

        public void Add(ServerNode node) => nodes.Add(node);

        /// <summary>Waits until so many tokens are held for the first time.</summary>
        public async Task HoldAsync(int count)
        {
            await using var db = NpgsqlDataSource.Create(settings[ConnectionString]);
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
