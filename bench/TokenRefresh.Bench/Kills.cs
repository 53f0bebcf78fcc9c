using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench;

/// <summary>
/// A node is killed again and again while hundreds of refreshes share their writes. Each refresh token is good once. In the end every token has recovered, and no
/// process has sent a refresh token again whose success it had received.
/// </summary>
internal sealed class Kills(int rounds, int tokens, string resultFile) : IAsyncDisposable
{
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-bench-");
    private EmbeddedPostgres postgres = null!;
    private RotatingProvider provider = null!;

    public async Task<int> RunAsync()
    {
        postgres = await EmbeddedPostgres.StartAsync(new(Path.Combine(data.FullName, "pg"), null), NullLogger.Instance, TimeProvider.System, CancellationToken.None);
        provider = await RotatingProvider.StartAsync();
        await using var db = NpgsqlDataSource.Create(postgres.ConnectionString);
        await db.CreateCommand("CREATE DATABASE kills").ExecuteNonQueryAsync();
        var database = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Database = "kills", Pooling = true }.ConnectionString;
        var settings = NodeSettings.Of(database, Path.Combine(data.FullName, "node"), provider.Address, tokens);
        settings["Providers__Jibit__Timeout"] = "00:00:05";
        settings["Logging__LogLevel__Default"] = "Critical";
        await using var source = NpgsqlDataSource.Create(database);
        await using (var first = ServerNode.Start(settings, 5300))
        {
            await first.BecomesReadyAsync();
            await WaitFor.TrueAsync(() => ScalarAsync<bool>(source, $"SELECT count(*) >= {tokens} FROM tokens WHERE version > 0"), "all tokens are obtained");
        }

        var (random, inWrite) = (new Random(rounds), 0);
        for (var round = 0; round < rounds; round++)
        {
            await source.CreateCommand("UPDATE tokens SET refresh_due_at = now() - interval '1 second'").ExecuteNonQueryAsync();
            await using var node = ServerNode.Start(settings, 5300);
            provider.Current = round + 1;
            var before = provider.Issued;
            await WaitFor.TrueAsync(() => Task.FromResult(provider.Issued > before + 20), "it refreshes");
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(400)), TimeProvider.System);
            node.Signal("KILL");
            inWrite += await ScalarAsync<bool>(source, "SELECT EXISTS (SELECT FROM token_refresh_logs WHERE status = 'running')") ? 1 : 0;
            Console.Error.WriteLine($"round {round + 1}: killed after {provider.Issued - before} calls");
        }

        var since = await ScalarAsync<DateTime>(source, "UPDATE tokens SET refresh_due_at = now() - interval '1 second'; SELECT clock_timestamp()");
        provider.Current = rounds + 1;
        await using (var last = ServerNode.Start(settings, 5300))
        {
            await WaitFor.TrueAsync(
                () => ScalarAsync<bool>(source, $"SELECT NOT EXISTS (SELECT FROM tokens WHERE last_success_at < '{since:O}' OR last_error_code IS NOT NULL OR lease_owner IS NOT NULL)"), "every token has recovered");
        }

        var recovered = await ScalarAsync<long>(source, $"SELECT count(*) FROM tokens WHERE name ~ '^t[0-9]+$' AND last_success_at >= '{since:O}' AND last_error_code IS NULL");
        var open = await ScalarAsync<long>(source, "SELECT count(*) FROM token_refresh_logs WHERE status = 'running'");
        var report = new StringBuilder().AppendLine("| what | counted |").AppendLine("| --- | ---: |")
            .AppendLine(CultureInfo.InvariantCulture, $"| kills | {rounds} |")
            .AppendLine(CultureInfo.InvariantCulture, $"| … that left attempts open | {inWrite} |")
            .AppendLine(CultureInfo.InvariantCulture, $"| calls at the provider | {provider.Issued + provider.Refused:N0} |")
            .AppendLine(CultureInfo.InvariantCulture, $"| renewals that were refused, since the refresh token was used up | {provider.Refused:N0} |")
            .AppendLine(CultureInfo.InvariantCulture, $"| refresh tokens that one process sent twice | {provider.SentTwice} |")
            .AppendLine(CultureInfo.InvariantCulture, $"| tokens that hold what was issued after the last kill | {recovered:N0} of {tokens:N0} |")
            .AppendLine(CultureInfo.InvariantCulture, $"| attempts that are still open | {open} |");
        await File.WriteAllTextAsync(resultFile, report.ToString());
        return provider.SentTwice == 0 && recovered == tokens && open == 0 ? 0 : 1;
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

    private static async Task<T> ScalarAsync<T>(NpgsqlDataSource db, string sql)
    {
        await using var command = db.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        do
        {
            if (await reader.ReadAsync())
            {
                return reader.GetFieldValue<T>(0);
            }
        }
        while (await reader.NextResultAsync());
        throw new InvalidOperationException($"No row: {sql}");
    }

    /// <summary>Answers as Jibit does, after 20 ms; each refresh token is good once.</summary>
    private sealed class RotatingProvider : IAsyncDisposable
    {
        private readonly WebApplication app;
        private readonly ConcurrentDictionary<string, int> usedBy = new(StringComparer.Ordinal);
        private int issued, refused, sentTwice;

        private RotatingProvider(WebApplication app) => this.app = app;

        public string Address => app.Urls.First();

        public int Issued => issued;

        public int Refused => refused;

        /// <summary>How often a refresh token came a second time over a connection of the process that had used it up.</summary>
        public int SentTwice => sentTwice;

        public static async Task<RotatingProvider> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var provider = new RotatingProvider(app);
            app.MapPost("/v1/tokens/{call}", provider.AnswerAsync);
            await app.StartAsync();
            return provider;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private async Task AnswerAsync(HttpContext context)
        {
            using var body = await JsonDocument.ParseAsync(context.Request.Body);
            var process = Current;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            if (body.RootElement.TryGetProperty("refreshToken", out var sent) && !usedBy.TryAdd(sent.GetString()!, process))
            {
                Interlocked.Increment(ref refused);
                _ = usedBy[sent.GetString()!] == process ? Interlocked.Increment(ref sentTwice) : 0;
                context.Response.StatusCode = StatusCodes.Status401Unauthorized;
                await context.Response.WriteAsJsonAsync(new { code = "refreshToken.not_valid", message = "no" });
                return;
            }

            var number = Interlocked.Increment(ref issued);
            await context.Response.WriteAsJsonAsync(new { accessToken = $"access-{number}", refreshToken = $"refresh-{number}" });
        }

        /// <summary>Which process runs now, counted from the first.</summary>
        public int Current { get; set; }
    }
}
