using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Two servers on a database that goes back in time with a call in flight, or takes no writes for a while.</summary>
public sealed class FailoverTests(PostgresFixture postgres)
{
    private const string Keep = "DROP SCHEMA IF EXISTS past CASCADE; CREATE SCHEMA past; CREATE TABLE past.tokens AS TABLE tokens; CREATE TABLE past.logs AS TABLE token_refresh_logs";

    private const string GoBack =
        """
        DELETE FROM tokens; INSERT INTO tokens TABLE past.tokens;
        DELETE FROM token_refresh_logs WHERE id NOT IN (SELECT id FROM past.logs);
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
        """;

    [Fact]
    public async Task A_failover_with_a_call_in_flight_costs_no_token_and_no_refresh_token_is_sent_again()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = Settings(stub, data, await postgres.CreateMigratedDatabaseAsync());
        await using var first = await ServerProcess.ServeAsync(settings);
        await using var second = await ServerProcess.ServeAsync(settings);
        await ReadersAsync(settings, first, second);
        await AsAdminAsync(settings, Keep);
        var answers = new TaskCompletionSource();
        stub.Before = async context =>
        {
            await answers.Task.WaitAsync(context.RequestAborted);
            return HttpStatusCode.OK;
        };
        (await first.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "jibit", force = true })).IsSuccessStatusCode.ShouldBeTrue();
        await first.UntilAsync(() => Task.FromResult(stub.Calls.Count == 2), "a renewal is in flight");

        await AsAdminAsync(settings, GoBack);
        foreach (var node in new[] { first, second })
        {
            (await node.Http.PostAsJsonAsync("/api/tokens/jibit/rejected", new { version = 1 })).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        }

        // Past the moment that the nodes give one another.
        await Task.Delay(TimeSpan.FromSeconds(8), TimeProvider.System, TestContext.Current.CancellationToken);
        answers.SetResult();

        foreach (var node in new[] { first, second })
        {
            await node.UntilAsync(async () => (await ReadAsync(node)).Token == "planted-secret-access-2", "the new token served");
        }

        stub.Reused.ShouldBeEmpty();
        stub.Calls.ShouldBe(["generate", "refresh"]);
        stub.Peak.ShouldBe(1);
        var unsaved = Path.Combine(data.Path, "unsaved");
        (Directory.Exists(unsaved) ? Directory.GetFiles(unsaved, "*.json") : []).ShouldBeEmpty();
        (first.Out + second.Out).ShouldContain("has lost the running attempt for jibit");
    }

    [Fact]
    public async Task A_restore_gets_back_what_the_nodes_serve_and_says_so_and_the_dead_token_goes_with_the_first_report()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = Settings(stub, data, await postgres.CreateMigratedDatabaseAsync());
        await using var first = await ServerProcess.ServeAsync(settings);
        await using var second = await ServerProcess.ServeAsync(settings);
        await ReadersAsync(settings, first, second);
        await AsAdminAsync(settings, Keep);
        (await first.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "jibit", force = true })).IsSuccessStatusCode.ShouldBeTrue();
        foreach (var node in new[] { first, second })
        {
            await node.UntilAsync(async () => (await ReadAsync(node)).Version == 2, "version 2 served");
        }

        var tag = (await ReadAsync(first)).Tag;
        await AsAdminAsync(settings, GoBack);
        foreach (var node in new[] { first, second })
        {
            await node.UntilAsync(async () => await ReadAsync(node) is { Version: > 1000, Token: "planted-secret-access-2" }, "the newer token saved back");
        }

        (await ReadAsync(second)).Tag.ShouldNotBe(tag);
        (await second.Http.PostAsJsonAsync("/api/tokens/jibit/rejected", new { version = 2 })).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        foreach (var node in new[] { first, second })
        {
            await node.UntilAsync(async () => (await ReadAsync(node)).Token == "planted-secret-access-3", "the reported token replaced");
        }

        stub.Reused.ShouldBeEmpty();
        (first.Out + second.Out).ShouldContain("The database went back in time: jibit was stored as version 2 and is version 1 now.");
    }

    [Fact]
    public async Task A_read_only_database_is_not_ready_fills_no_log_and_everything_goes_on_once_it_takes_writes()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = Settings(stub, data, await postgres.CreateMigratedDatabaseAsync());
        await using var first = await ServerProcess.ServeAsync(settings);
        await using var second = await ServerProcess.ServeAsync(settings);
        await ReadersAsync(settings, first, second);
        ServerProcess[] nodes = [first, second];
        var before = nodes.Sum(node => node.Out.Length + node.Error.Length);

        await ReadOnlyDatabase.BeginAsync(settings["ConnectionStrings__TokenRefresh"]);
        foreach (var node in nodes)
        {
            await node.UntilAsync(async () => await node.Http.GetAsync("/health/ready") is { StatusCode: HttpStatusCode.ServiceUnavailable } answer && (await answer.Content.ReadAsStringAsync()).Contains("read-only", StringComparison.Ordinal), "not ready");
        }

        await Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        foreach (var node in nodes)
        {
            (await ReadAsync(node)).Token.ShouldBe("planted-secret-access-1");
            var said = node.Out + node.Error;
            said.Split('\n').Where(line => line.Contains("   at ", StringComparison.Ordinal)).ShouldBeEmpty();
            said.Split("The database does not accept writes").Length.ShouldBe(2, "said once");
        }

        (nodes.Sum(node => node.Out.Length + node.Error.Length) - before).ShouldBeLessThan(8_000);
        await ReadOnlyDatabase.EndAsync(settings["ConnectionStrings__TokenRefresh"]);
        foreach (var node in nodes)
        {
            await node.UntilAsync(async () => (await node.Http.GetAsync("/health/ready")).IsSuccessStatusCode, "ready again");
        }

        (await first.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "jibit", force = true })).IsSuccessStatusCode.ShouldBeTrue();
        await second.UntilAsync(async () => (await ReadAsync(second)).Token == "planted-secret-access-2", "a refresh goes through");
    }

    private static async Task ReadersAsync(Dictionary<string, string> settings, params ServerProcess[] nodes)
    {
        var key = (await ServerProcess.RunAsync(settings, "clients", "add", "reader", "--tokens", "*")).Out.Trim();
        foreach (var node in nodes)
        {
            node.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
            await node.UntilAsync(async () => (await node.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token served");
        }
    }

    private static async Task<(string? Token, long Version, string? Tag)> ReadAsync(ServerProcess node)
    {
        using var answer = await node.Http.GetAsync("/api/tokens/jibit/access-token");
        if (!answer.IsSuccessStatusCode)
        {
            return (null, 0, null);
        }

        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return (body.GetProperty("access_token").GetString(), body.GetProperty("version").GetInt64(), answer.Headers.ETag?.Tag);
    }

    private static async Task AsAdminAsync(Dictionary<string, string> settings, string sql)
    {
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"] + ";Pooling=false");
        await db.CreateCommand(sql).ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static Dictionary<string, string> Settings(JibitStub stub, DataFolder data, string connectionString) =>
        new(stub.Settings(data, connectionString)) { ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]) };
}
