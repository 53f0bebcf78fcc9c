using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench;

/// <summary>One real node on a Postgres with very many tokens: start, pages, verbs, due check, rest and memory, beside the same with ten.</summary>
internal sealed partial class Scale(int tokens, string resultFile) : IAsyncDisposable
{
    private const string Password = "a long enough password", ConnectionString = "ConnectionStrings__TokenRefresh";

    private const int Few = 10, Rounds = 40, AccessLength = 400, RefreshLength = 64;

    private static readonly string[] Scopes = ["orders.read"];

    private static readonly (string Name, string Path)[] Pages =
    [
        ("overview", "/access"),
        ("tokens", "/access/tokens"),
        ("tokens by name", "/access/tokens?sort=Name"),
        ("tokens by name, half of them deep", "/access/tokens?sort=Name&after={middle}"),
        ("tokens, expired", "/access/tokens?state=Expired"),
        ("tokens, healthy", "/access/tokens?state=Healthy"),
        ("tokens, text", "/access/tokens?text=00001"),
        ("token", "/access/tokens/{middle}"),
        ("providers", "/access/providers"),
        ("provider", "/access/providers/jibit"),
        ("incidents", "/access/incidents"),
        ("system", "/access/token-health"),
        ("log", "/access/token-refresh-logs"),
        ("clients", "/access/clients"),
        ("search", "/access/search?q=00001"),
        ("API: first 100 tokens", "/api/tokens?limit=100"),
        ("API: tokens with a label", "/api/tokens?limit=100&label=team:7"),
        ("API: health", "/api/tokens/health"),
    ];

    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-bench-");
    private readonly StringBuilder report = new();
    private EmbeddedPostgres postgres = null!;
    private int ports = 5300;

    public async Task RunAsync()
    {
        postgres = await EmbeddedPostgres.StartAsync(new(Path.Combine(data.FullName, "pg"), null), NullLogger.Instance, TimeProvider.System, CancellationToken.None);
        report.AppendLine(CultureInfo.InvariantCulture, $"| what | {Few} tokens | {tokens:N0} tokens |").AppendLine("| --- | ---: | ---: |");
        var (few, many) = (await MeasureAsync(Few), await MeasureAsync(tokens));
        foreach (var (what, measured) in few)
        {
            report.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {measured} | {many[what]} |");
        }

        await File.WriteAllTextAsync(resultFile, report.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        if (postgres is not null)
        {
            await postgres.DisposeAsync();
        }

        data.Delete(recursive: true);
    }

    private async Task<Dictionary<string, string>> MeasureAsync(int count)
    {
        var found = new Dictionary<string, string>();
        var settings = await WorldAsync(count);
        await FillAsync(settings, count);
        var key = await ServerNode.RunAsync(settings, "clients", "add", "bench", "--tokens", "*");
        var middle = Name(count / 2);

        // With room for ten tokens, so that the rest is not paid for by what is held.
        double small;
        await using (var lean = ServerNode.Start(new Dictionary<string, string>(settings) { ["TokenRefresh__Performance__CacheSize"] = $"{Few}" }, ports++))
        {
            await lean.BecomesReadyAsync();
            lean.SignIn(key);
            await RestAsync();
            small = lean.Memory.Own;
            Tell("memory at rest without shared file pages, ten tokens held", $"{small:0} MB");
        }

        var started = Stopwatch.GetTimestamp();
        await using var node = ServerNode.Start(settings, ports++);
        node.SignIn(key);
        await WaitFor.TrueAsync(async () => (await node.Http.GetAsync(Address(middle))).IsSuccessStatusCode, "the token is served");
        Tell("from process start to the first token served", $"{Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");

        var reads = new List<double>();
        foreach (var number in Enumerable.Range(0, Math.Min(count, 500)).Select(number => (int)((long)number * 7919 % count)))
        {
            var at = Stopwatch.GetTimestamp();
            (await node.Http.GetAsync(Address(Name(number)))).EnsureSuccessStatusCode();
            reads.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
        }

        Tell("first read of a token, median and p95", $"{Middle(reads):0.0} and {High(reads):0.0} ms");
        await RestAsync();
        var held = Math.Min(count, 20_000);
        Tell($"memory at rest without shared file pages, up to 20,000 held", $"{node.Memory.Own:0} MB, {held:N0} held");
        Tell("memory for each of them", count <= Few ? "–" : $"{(node.Memory.Own - small) * 1024 / (held - Few):0.0} KB");
        Tell("SQL statements per second at rest", $"{await PostgresLog.StatementsAsync(postgres.ConnectionString, Rest):0.0}");
        Tell("due check, nothing due, median", $"{await DueCheckAsync(settings):0.0} ms");
        var verb = Stopwatch.GetTimestamp();
        await ServerNode.RunAsync(settings, "tokens", "list");
        Tell("tokens list, first page", $"{Stopwatch.GetElapsedTime(verb).TotalSeconds:0.0} s");

        using var person = await SignInAsync(node);
        foreach (var (name, path) in Pages)
        {
            var client = path.StartsWith("/api", StringComparison.Ordinal) ? node.Http : person;
            var address = new Uri(path.Replace("{middle}", middle, StringComparison.Ordinal), UriKind.Relative);
            var (took, size) = (new List<double>(), 0L);
            for (var round = -15; round < Rounds; round++)
            {
                var at = Stopwatch.GetTimestamp();
                using var answer = await client.GetAsync(address);
                size = (await answer.Content.ReadAsByteArrayAsync()).LongLength;
                if (!name.EndsWith("health", StringComparison.Ordinal))
                {
                    answer.EnsureSuccessStatusCode();
                }

                if (round >= 0)
                {
                    took.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
                }
            }

            Tell($"{name}: median, p95, weight", $"{Middle(took):0} ms, {High(took):0} ms, {size / 1024:N0} KB");
        }

        return found;

        void Tell(string what, string measured)
        {
            found[what] = measured;
            Console.Error.WriteLine($"{count:N0} tokens: {what}: {measured}");
        }
    }

    // What was read just now is written down within a minute; that is work, not rest.
    private static readonly TimeSpan UntilRest = TimeSpan.FromSeconds(Setting("UNTIL_REST", 75)), Rest = TimeSpan.FromSeconds(Setting("REST", 60));

    private static Task RestAsync() => Task.Delay(UntilRest, TimeProvider.System);

    private static int Setting(string name, int usual) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : usual;

    private static async Task<double> DueCheckAsync(Dictionary<string, string> settings)
    {
        await using var app = Build(settings);
        await StartUp.PrepareAsync(app.Services, isServer: false, CancellationToken.None);
        var took = new List<double>();
        for (var round = -5; round < 20; round++)
        {
            var at = Stopwatch.GetTimestamp();
            await app.Services.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);
            if (round >= 0)
            {
                took.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
            }
        }

        return Middle(took);
    }

    private static WebApplication Build(Dictionary<string, string> settings) => ServerHost.Build(
        settings.ToDictionary(pair => pair.Key == "ASPNETCORE_ENVIRONMENT" ? "environment" : pair.Key.Replace("__", ":", StringComparison.Ordinal), pair => (string?)pair.Value), Roles.None);

    // Sealed as the program seals them, spread over the providers' ten days.
    private static async Task FillAsync(Dictionary<string, string> settings, int count)
    {
        await using var app = Build(settings);
        await StartUp.PrepareAsync(app.Services, isServer: true, CancellationToken.None);
        var secrets = app.Services.GetRequiredService<SecretProtection>();
        var now = TimeProvider.System.GetUtcNow();
        await using var db = NpgsqlDataSource.Create(settings[ConnectionString]);
        await using (var connection = await db.OpenConnectionAsync())
        {
            await using var rows = await connection.BeginBinaryImportAsync(
                """
                COPY tokens (name, provider, origin, scopes, "grant", parameters, labels, access_token, refresh_token, version, issued_at, expires_at, refresh_expires_at, refresh_due_at, due_reason,
                             last_attempt_at, last_success_at, last_looked_at, consecutive_failures, is_active, metadata, created_at)
                FROM STDIN (FORMAT binary)
                """);
            rows.Timeout = TimeSpan.FromHours(1);
            foreach (var some in Enumerable.Range(0, count).Chunk(10_000))
            {
                var ready = some.AsParallel().AsOrdered().Select(number =>
                {
                    var random = new Random(number);
                    return (number, Access: secrets.SealAccess(Name(number), Text(random, AccessLength)), Refresh: secrets.SealRefresh(Name(number), Text(random, RefreshLength)));
                }).ToList();
                foreach (var (number, access, refresh) in ready)
                {
                    var issued = now.AddSeconds(-(number % 3600));
                    await rows.StartRowAsync();
                    await rows.WriteAsync(Name(number), NpgsqlDbType.Varchar);
                    await rows.WriteAsync("jibit", NpgsqlDbType.Varchar);
                    await rows.WriteAsync("managed", NpgsqlDbType.Varchar);
                    await rows.WriteAsync(Scopes, NpgsqlDbType.Array | NpgsqlDbType.Text);
                    await rows.WriteAsync("ClientCredentials", NpgsqlDbType.Varchar);
                    await rows.WriteAsync("{}", NpgsqlDbType.Jsonb);
                    await rows.WriteAsync(number % 100 == 0 ? $$"""{"team":"{{number / 100 % 10}}"}""" : "{}", NpgsqlDbType.Jsonb);
                    await rows.WriteAsync(access, NpgsqlDbType.Text);
                    await rows.WriteAsync(refresh!, NpgsqlDbType.Text);
                    await rows.WriteAsync(1L, NpgsqlDbType.Bigint);
                    await rows.WriteAsync(issued, NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync(issued.AddDays(10), NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync(issued.AddDays(20), NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync(issued.AddDays(6), NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync("scheduled at 67 % of its 10-day lifetime", NpgsqlDbType.Text);
                    await rows.WriteAsync(issued, NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync(issued, NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync(issued, NpgsqlDbType.TimestampTz);
                    await rows.WriteAsync(0, NpgsqlDbType.Integer);
                    await rows.WriteAsync(true, NpgsqlDbType.Boolean);
                    await rows.WriteAsync("{}", NpgsqlDbType.Jsonb);
                    await rows.WriteAsync(issued, NpgsqlDbType.TimestampTz);
                }

                Console.Error.WriteLine($"{some[^1] + 1:N0} of {count:N0} tokens stored");
            }

            await rows.CompleteAsync();
        }

        await using var vacuum = db.CreateCommand("VACUUM ANALYZE");
        vacuum.CommandTimeout = 0;
        await vacuum.ExecuteNonQueryAsync();
    }

    private async Task<Dictionary<string, string>> WorldAsync(int count)
    {
        await using var db = NpgsqlDataSource.Create(postgres.ConnectionString);
        await db.CreateCommand($"CREATE DATABASE scale{count}").ExecuteNonQueryAsync();
        return new()
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["Sandbox__Enabled"] = "false",
            [ConnectionString] = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = $"scale{count}", Pooling = true }.ConnectionString,
            ["Data__Directory"] = Path.Combine(data.FullName, $"scale{count}"),
            ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[32]),
            ["Access__AdminPassword"] = Password,

            // No call is made: nothing falls due within the hour.
            ["Providers__Jibit__BaseUrl"] = "http://127.0.0.1:9",
            ["Providers__Jibit__ApiKey"] = "key",
            ["Providers__Jibit__SecretKey"] = "secret",
            ["TokenRefresh__Schedule__Cron"] = "0 0 1 1 *",
            ["Api__ReadsPerSecond"] = "1000000",
            ["Logging__LogLevel__Default"] = "Error",
        };
    }

    private static async Task<HttpClient> SignInAsync(ServerNode node)
    {
        var client = new HttpClient(new HttpClientHandler { CookieContainer = new() }) { BaseAddress = node.Http.BaseAddress };
        var form = await client.GetStringAsync(new Uri("/account/login", UriKind.Relative));
        using var fields = new FormUrlEncodedContent([new("Name", "admin"), new("Password", Password), new("__RequestVerificationToken", Forgery().Match(form).Groups[1].Value)]);
        (await client.PostAsync(new Uri("/account/login", UriKind.Relative), fields)).EnsureSuccessStatusCode();
        return client;
    }

    private static string Name(int number) => $"t{number:0000000}";

    private static Uri Address(string name) => new($"/api/tokens/{name}/access-token", UriKind.Relative);

    private static string Text(Random random, int length)
    {
        var bytes = new byte[length * 3 / 4];
        random.NextBytes(bytes);
        return Convert.ToBase64String(bytes);
    }

    private static double Middle(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static double High(List<double> values) => values.Order().ElementAt((int)Math.Ceiling(values.Count * 0.95) - 1);

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex Forgery();
}
