using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench;

/// <summary>How long the panel's pages and the API's figures take with millions of rows in the log, over HTTP, and the query plans of each.</summary>
internal sealed partial class LogPages(long rows, int rounds, string resultFile, string plansFile) : IAsyncDisposable
{
    private const string Password = "a long enough password";

    private static readonly (string Name, string Path)[] Pages =
    [
        ("overview", "/access"),
        ("tokens", "/access/tokens"),
        ("token", "/access/tokens/fino_kyc"),
        ("providers", "/access/providers"),
        ("provider", "/access/providers/finnotech"),
        ("system", "/access/token-health"),
        ("log", "/access/token-refresh-logs"),
        ("log, with skips", "/access/token-refresh-logs?skips=true"),
        ("log, charts of 30 days", "/access/token-refresh-logs?chart=720"),
        ("log, rows of 30 days", "/access/token-refresh-logs?hours=720"),
        ("log, half a million rows deep", "/access/token-refresh-logs?hours=720&before={deep}"),
        ("log, oldest first", "/access/token-refresh-logs?hours=720&order=Oldest"),
        ("log, longest first", "/access/token-refresh-logs?order=Longest"),
        ("log, longest first of 30 days", "/access/token-refresh-logs?hours=720&order=Longest"),
        ("log, shortest first", "/access/token-refresh-logs?order=Shortest"),
        ("log, longest failures of a token", "/access/token-refresh-logs?hours=720&token=fino_kyc&status=Failed&order=Longest"),
        ("log, provider", "/access/token-refresh-logs?provider=jibit"),
        ("log, token", "/access/token-refresh-logs?token=fino_kyc"),
        ("log, failed", "/access/token-refresh-logs?status=Failed"),
        ("log, running (none)", "/access/token-refresh-logs?status=Running&hours=720"),
        ("log, trigger", "/access/token-refresh-logs?trigger=forced&hours=720"),
        ("log, error code", "/access/token-refresh-logs?error=rate_limited&hours=720"),
        ("log, error code (none)", "/access/token-refresh-logs?error=grant_revoked&hours=720"),
        ("log, from and until", "/access/token-refresh-logs?from={from}&until={until}"),
        ("log, text found", "/access/token-refresh-logs?text=user:olga&hours=720"),
        ("log, text not found", "/access/token-refresh-logs?text=nowhere&hours=720"),
        ("log, all filters", "/access/token-refresh-logs?provider=finnotech&token=fino_kyc&status=Failed&trigger=due&error=provider_down&text=503&hours=720"),
        ("log, all filters, no match", "/access/token-refresh-logs?provider=finnotech&token=fino_kyc&status=Failed&trigger=forced&error=internal&hours=720"),
        ("log, check for new rows", "/access/token-refresh-logs?handler=News&after={deep}"),
        ("one attempt", "/access/token-refresh-logs/2500000"),
        ("API: statistics of 24 h", "/api/token-refresh-logs/statistics"),
        ("API: statistics of 30 d", "/api/token-refresh-logs/statistics?hours=720"),
        ("API: statistics of 30 d, one provider", "/api/token-refresh-logs/statistics?hours=720&provider=finnotech"),
        ("API: statistics of 30 d, a key for some tokens", "some:/api/token-refresh-logs/statistics?hours=720"),
        ("API: newest 100", "/api/token-refresh-logs"),
        ("API: failed of a token", "/api/token-refresh-logs?token=fino_kyc&status=failed&hours=720"),
    ];

    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-bench-");
    private readonly StringBuilder report = new();
    private EmbeddedPostgres postgres = null!;
    private WebApplication app = null!;

    public async Task RunAsync()
    {
        postgres = await EmbeddedPostgres.StartAsync(new(Path.Combine(data.FullName, "pg"), null), NullLogger.Instance, TimeProvider.System, CancellationToken.None);
        app = ServerHost.Build(
            new Dictionary<string, string?>
            {
                ["environment"] = "Development",
                ["urls"] = "http://127.0.0.1:0",
                ["ConnectionStrings:TokenRefresh"] = postgres.ConnectionString,
                ["Data:Directory"] = data.FullName,
                ["Encryption:MasterKey"] = Convert.ToBase64String(new byte[32]),
                ["Logging:LogLevel:Default"] = "Error",
            },
            Roles.All);
        await StartUp.PrepareAsync(app.Services, isServer: true, CancellationToken.None);
        Say($"filling {rows} rows");
        var filled = await FillAsync();
        var counting = Stopwatch.GetTimestamp();
        var hours = await app.Services.GetRequiredService<AttemptHours>().CountEndedAsync(CancellationToken.None);
        var counted = Stopwatch.GetElapsedTime(counting);
        await ExecuteAsync("VACUUM ANALYZE");
        await app.StartAsync();

        var person = await SignInAsync();
        var keys = app.Services.GetRequiredService<ClientKeys>();
        var all = Program(await keys.IssueAsync("all", "*", "bench", CancellationToken.None));
        var some = Program(await keys.IssueAsync("some", "jibit,fino_k*", "bench", CancellationToken.None));
        var pages = await PlacesAsync();

        Say("measuring");
        report.AppendLine(CultureInfo.InvariantCulture, $"{rows:N0} rows of 30 days in the log; {Environment.ProcessorCount} cores for server, Postgres and the client; {rounds} requests each, one after another.");
        report.AppendLine(CultureInfo.InvariantCulture, $"Filled in {filled.TotalSeconds:0} s; {hours} hours counted in advance in {counted.TotalSeconds:0.0} s ({counted.TotalMilliseconds / Math.Max(1, hours):0} ms an hour, once).");
        report.AppendLine().AppendLine("| page | median ms | p95 ms |").AppendLine("| --- | ---: | ---: |");

        // As a program that has run for a while: a page shares most of its code with the others.
        for (var round = 0; round < 5; round++)
        {
            foreach (var (client, address) in pages.Select(page => Who(page.Path)))
            {
                (await client.GetAsync(address)).EnsureSuccessStatusCode();
            }
        }

        foreach (var (name, path) in pages)
        {
            var (client, address) = Who(path);
            var took = new List<double>();
            for (var round = -10; round < rounds; round++)
            {
                var at = Stopwatch.GetTimestamp();
                using var answer = await client.GetAsync(address);
                await answer.Content.ReadAsByteArrayAsync();
                answer.EnsureSuccessStatusCode();
                if (round >= 0)
                {
                    took.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
                }
            }

            took.Sort();
            report.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {took[took.Count / 2]:0.0} | {took[(int)Math.Ceiling(took.Count * 0.95) - 1]:0.0} |");
            Say(report.ToString().TrimEnd().Split('\n')[^1]);
        }

        await File.WriteAllTextAsync(resultFile, report.ToString());
        await File.WriteAllTextAsync(plansFile, await ExplainAsync(pages, Who));

        (HttpClient Client, string Address) Who(string path) =>
            path.StartsWith("some:", StringComparison.Ordinal) ? (some, path[5..]) : (path.StartsWith("/api", StringComparison.Ordinal) ? all : person, path);
    }

    public async ValueTask DisposeAsync()
    {
        // What failed on the way is the news, not what was therefore never there.
        if (app is not null)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }

        if (postgres is not null)
        {
            await postgres.DisposeAsync();
        }

        data.Delete(recursive: true);
    }

    // Without indexes and triggers, and with them afterwards: the rows are the same, and minutes are saved.
    private async Task<TimeSpan> FillAsync()
    {
        var started = Stopwatch.GetTimestamp();
        var indexes = await ReadAsync("SELECT indexname || '|' || indexdef FROM pg_indexes WHERE tablename = 'token_refresh_logs' AND indexname NOT LIKE 'pk%'");
        foreach (var index in indexes)
        {
            await ExecuteAsync($"DROP INDEX {index.Split('|', 2)[0]}");
        }

        await ExecuteAsync(
            $$"""
              SELECT setseed(0.42);
              INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, old_expires_at, new_expires_at, metadata, started_at, completed_at, duration_ms, error_code, error_details, attempt, node)
              SELECT CASE WHEN token = 0 THEN 'jibit' ELSE 'finnotech' END,
                     (ARRAY['jibit', 'fino', 'fino_inquiry', 'fino_credit', 'fino_kyc', 'fino_token', 'fino_promissory', 'fino_vehicle', 'fino_insurance', 'fino_sms'])[1 + token],
                     outcome,
                     CASE WHEN chance < 0.002 THEN 'forced' WHEN chance < 0.01 THEN 'manual' WHEN outcome = 'skipped' THEN 'automatic' WHEN chance < 0.03 THEN 'on_demand' ELSE 'due' END,
                     CASE WHEN chance < 0.01 THEN 'user:olga' ELSE 'schedule' END,
                     CASE outcome WHEN 'success' THEN 'Refreshed; expires soon.' WHEN 'failed' THEN 'HTTP 503' ELSE 'Fresh: due later.' END,
                     at, CASE WHEN outcome = 'success' THEN at + interval '1 day' END, '{}',
                     at, at + took * interval '1 millisecond', took,
                     CASE WHEN outcome = 'failed' THEN (ARRAY['provider_down', 'provider_down', 'provider_down', 'rate_limited', 'invalid_response', 'internal'])[1 + floor(chance * 6)::int] END,
                     CASE WHEN outcome = 'failed' THEN 'HTTP 503' END, 1, 'node-1'
              FROM (SELECT now() - (1 - number / {{rows}}::float8) * interval '30 days' AS at, (number * 7 % 10)::int AS token, random() AS chance, outcome,
                           CASE WHEN outcome = 'skipped' THEN 0 ELSE floor(40 + 300 * exp(1.5 * random() * random() * random() * 2))::int END AS took
                    FROM (SELECT number, CASE WHEN random() < 0.7 THEN 'success' WHEN random() < 0.2 THEN 'failed' ELSE 'skipped' END AS outcome FROM generate_series(1, {{rows}}) AS number) AS numbered) AS made
              ORDER BY at;
              """);
        foreach (var index in indexes)
        {
            await ExecuteAsync(index.Split('|', 2)[1]);
        }

        await ExecuteAsync("VACUUM ANALYZE");
        return Stopwatch.GetElapsedTime(started);
    }

    private async Task<HttpClient> SignInAsync()
    {
        await using (var scope = app.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<PanelUsers>().AddAsync("olga", Role.Operator, Password, "bench");
        }

        var client = new HttpClient(new HttpClientHandler { CookieContainer = new() }) { BaseAddress = new(app.Urls.First()) };
        var form = await client.GetStringAsync(new Uri("/account/login", UriKind.Relative));
        using var fields = new FormUrlEncodedContent([new("Name", "olga"), new("Password", Password), new("__RequestVerificationToken", Forgery().Match(form).Groups[1].Value)]);
        (await client.PostAsync(new Uri("/account/login", UriKind.Relative), fields)).EnsureSuccessStatusCode();
        return client;
    }

    private HttpClient Program(string key)
    {
        var client = new HttpClient { BaseAddress = new(app.Urls.First()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    private async Task<List<(string Name, string Path)>> PlacesAsync()
    {
        var deep = await app.Services.GetRequiredService<AttemptLog>().FindAsync(rows - Math.Min(500_000, rows / 2), CancellationToken.None);
        return [.. Pages.Select(page => (page.Name, page.Path
            .Replace("{deep}", $"{AttemptKey.Of(deep!, AttemptOrder.Newest)}", StringComparison.Ordinal)
            .Replace("{from}", $"{deep!.StartedAt:yyyy-MM-ddTHH:mm}", StringComparison.Ordinal)
            .Replace("{until}", $"{deep.StartedAt.AddHours(3):yyyy-MM-ddTHH:mm}", StringComparison.Ordinal)
            .Replace("/2500000", $"/{rows / 2}", StringComparison.Ordinal)))];
    }

    // As Postgres ran them: statements on the log, without those that every page makes for its navigation.
    private async Task<string> ExplainAsync(List<(string Name, string Path)> pages, Func<string, (HttpClient Client, string Address)> who)
    {
        // The extension has to be there for its settings to be known.
        foreach (var setting in new[] { "session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on", "auto_explain.log_buffers = on", "auto_explain.log_timing = off" })
        {
            await ExecuteAsync("LOAD 'auto_explain'", $"ALTER SYSTEM SET {setting}");
        }

        await ExecuteAsync("SELECT pg_reload_conf()");
        app.Services.GetRequiredService<NpgsqlDataSource>().Clear();
        var text = new StringBuilder();
        var log = Path.Combine(Path.GetDirectoryName((await ReadAsync("SHOW data_directory")).Single())!, "server.log");
        foreach (var (name, path) in pages)
        {
            var before = new FileInfo(log).Length;
            var (client, address) = who(path);
            (await client.GetAsync(address)).EnsureSuccessStatusCode();
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
            await using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            stream.Seek(before, SeekOrigin.Begin);
            using var reader = new StreamReader(stream);
            var plans = Entry().Split(await reader.ReadToEndAsync())
                .Where(entry => entry.Contains("plan:", StringComparison.Ordinal) && entry.Contains("token_refresh_", StringComparison.Ordinal) && !entry.Contains("Query Text: SELECT count(*)::int\nFROM (\n    SELECT 1\n    FROM token_refresh_logs AS t\n    WHERE t.status = 'failed' AND t.started_at >=", StringComparison.Ordinal))
                .Select(entry => entry[(entry.IndexOf('\n', StringComparison.Ordinal) + 1)..].TrimEnd());
            text.AppendLine(CultureInfo.InvariantCulture, $"## {name}").AppendLine().AppendLine("```").AppendJoin("\n\n", plans).AppendLine().AppendLine("```").AppendLine();
        }

        return text.ToString();
    }

    private async Task ExecuteAsync(params string[] statements)
    {
        await using var connection = new NpgsqlConnection(postgres.ConnectionString);
        await connection.OpenAsync();
        foreach (var sql in statements)
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync();
        }
    }

    private async Task<List<string>> ReadAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(postgres.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rowsRead = new List<string>();
        while (await reader.ReadAsync())
        {
            rowsRead.Add(reader.GetString(0));
        }

        return rowsRead;
    }

    private static void Say(string words) => Console.Error.WriteLine(words);

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex Forgery();

    [GeneratedRegex("^(?=\\d{4}-\\d\\d-\\d\\d )", RegexOptions.Multiline)]
    private static partial Regex Entry();
}
