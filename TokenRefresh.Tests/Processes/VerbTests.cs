using System.Net;
using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Verbs as a person or a script calls them, with and without a server beside them.</summary>
public sealed class VerbTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Verbs_beside_a_server_work_through_its_queue_and_on_its_database()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await using var server = await ServerProcess.ServeAsync(settings);
        await server.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token fresh");

        var asked = await DoneAsync(settings, "tokens auto-refresh --token jibit --json");
        var manualRow = await RowOfAsync(server, settings, JobId(asked));
        var forced = await DoneAsync(settings, "tokens auto-refresh --provider jibit --force --json");
        var forcedRow = await RowOfAsync(server, settings, JobId(forced));

        manualRow.GetProperty("trigger_type").GetString().ShouldBe("manual");
        manualRow.GetProperty("status").GetString().ShouldBe("skipped", "the token is fresh");
        manualRow.GetProperty("triggered_by").GetString().ShouldBe($"cli:{Environment.UserName}");
        forcedRow.GetProperty("trigger_type").GetString().ShouldBe("forced");
        forcedRow.GetProperty("status").GetString().ShouldBe("success");
        (await OrdersAsync(settings)).ShouldBe([$"cli:{Environment.UserName} token.refresh_asked {JobId(asked)}", $"cli:{Environment.UserName} token.refresh_forced {JobId(forced)}"]);

        (await DoneAsync(settings, "schedule list")).ShouldContain("due-token-refresh");
        (await DoneAsync(settings, "schedule run automatic-token-refresh")).ShouldContain("Started automatic-token-refresh as job");
        JsonDocument.Parse(await DoneAsync(settings, "schedule run log-cleanup --json")).RootElement.GetProperty("id").GetString().ShouldBe("log-cleanup");
        (await ServerProcess.RunAsync(settings, "schedule", "run", "nosuch")).ShouldSatisfyAllConditions(
            end => end.ExitCode.ShouldBe(2), end => end.ErrorLines.ShouldHaveSingleItem().ShouldContain("backup-token-refresh"));
        (await DoneAsync(settings, "queue status")).ShouldContain("5 alive on 1 node");
        (await DoneAsync(settings, "db status")).ShouldContain("none");
        (await DoneAsync(settings, "logs statistics --json")).ShouldContain("\"forced_attempts\": 1");

        await DoneAsync(settings, "tokens pause jibit --reason maintenance");
        (await DoneAsync(settings, "tokens list")).ShouldContain("paused");
        await DoneAsync(settings, "tokens resume jibit");
        (await DoneAsync(settings, "tokens list --provider jibit")).ShouldNotContain("paused");
        (await DoneAsync(settings, "tokens test jibit")).ShouldContain("accepted (HTTP 200");

        (await AuditAsync(settings)).ShouldBe(["schedule.run automatic-token-refresh", "schedule.run log-cleanup", "token.paused jibit", "token.resumed jibit", "token.tested jibit"], ignoreOrder: true);

        (await DoneAsync(settings, "users add olga --role viewer")).Length.ShouldBe(20, "a password alone");
        await DoneAsync(settings, "users set-role olga --role operator");
        await DoneAsync(settings, "users disable OLGA");
        (await DoneAsync(settings, "users list")).ShouldMatch("olga +operator .* 20");
        await DoneAsync(settings, "users enable olga");
        await DoneAsync(settings, "users remove olga --yes");
        (await DoneAsync(settings, "users list")).ShouldNotContain("olga");
        (await ServerProcess.RunAsync(settings, "users", "disable", "admin")).ShouldSatisfyAllConditions(
            end => end.ExitCode.ShouldBe(2), end => end.ErrorLines.ShouldHaveSingleItem().ShouldContain("admin is the only administrator who can sign in"));

        var written = await ServerProcess.RunAsync(settings, "notify", "test", "--to", "ops@example.com", "--json");
        written.ExitCode.ShouldBe(1, "a file notifies no one");
        JsonDocument.Parse(written.Out).RootElement[0].GetProperty("result").GetString().ShouldBe("written");
        var file = Directory.GetFiles(Path.Combine(data.Path, "mail"), "*-test.eml").ShouldHaveSingleItem();
        written.Out.ShouldContain($"written to disk: {file}; no mail server is configured, set Email__Host");
        settings["Email__Host"] = "127.0.0.1";
        settings["Email__Port"] = "1";
        (await ServerProcess.RunAsync(settings, "notify", "test", "--to", "ops@example.com")).ShouldSatisfyAllConditions(
            end => end.ExitCode.ShouldBe(1), end => end.Out.ShouldBe("ops@example.com: failed: no connection to the server (ConnectionRefused); a running server will retry"));
    }

    [Fact]
    public async Task Verbs_without_a_server_refresh_here_and_now_and_say_what_failed()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateDatabaseAsync());
        settings["Tokens__sms__Provider"] = "jibit";
        settings["Tokens__sms__Grant"] = "Imported";

        (await ServerProcess.RunAsync(settings, "db", "status")).ExitCode.ShouldBe(1, "the schema is pending");
        (await DoneAsync(settings, "db migrate")).ShouldStartWith("Applied ");
        (await DoneAsync(settings, "db migrate")).ShouldBe("The schema is up to date.");
        JsonDocument.Parse(await DoneAsync(settings, "db migrate --json")).RootElement.GetProperty("applied").GetArrayLength().ShouldBe(0);
        (await ServerProcess.RunAsync(settings, "queue", "status")).ExitCode.ShouldBe(1);
        (await ServerProcess.RunAsync(settings, "tokens", "health")).ExitCode.ShouldBe(1, "nothing is there yet");
        (await ServerProcess.RunAsync(settings, "tokens", "test", "jibit")).ExitCode.ShouldBe(1);
        (await DoneAsync(settings, "tokens auto-refresh --token jibit --sync")).ShouldContain("jibit: refreshed, expires ");

        stub.Before = _ => Task.FromResult(HttpStatusCode.ServiceUnavailable);
        var failed = await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force", "--sync");
        failed.ExitCode.ShouldBe(1, failed.Error);
        failed.Out.ShouldContain("jibit: failed: provider_down: ");

        var soon = TimeProvider.System.GetUtcNow().AddHours(5).ToString("O");
        var imported = await ServerProcess.RunWithInputAsync(settings, $$"""{"access_token":"by-hand","refresh_token":"by-hand-too","expires_at":"{{soon}}"}""", "tokens", "import", "sms");
        (imported.ExitCode, imported.Error).ShouldBe((0, ""));
        var broken = await ServerProcess.RunWithInputAsync(settings, """{"access_token":"planted""", "tokens", "import", "sms");
        broken.ExitCode.ShouldBe(2);
        broken.Error.ShouldNotContain("planted");

        var waiting = await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit");
        waiting.ExitCode.ShouldBe(0);
        waiting.ErrorLines.ShouldHaveSingleItem().ShouldContain("No worker is alive");
        (await DoneAsync(settings, "queue retry")).ShouldBe("0 failed jobs enqueued again.");
        (await DoneAsync(settings, "queue flush --yes")).ShouldBe("0 failed jobs deleted.");
    }

    [Fact]
    public async Task The_health_is_said_in_one_zone_and_an_expired_token_has_no_negative_time_left()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var database = await postgres.CreateMigratedDatabaseAsync();
        var settings = stub.Settings(data, database);
        settings["TokenRefresh__Schedule__TimeZone"] = "Asia/Tehran";
        await DoneAsync(settings, "tokens auto-refresh --token jibit --sync");
        await using (var source = NpgsqlDataSource.Create(database))
        {
            await using var change = source.CreateCommand("UPDATE tokens SET expires_at = now() - interval '48 minutes'; INSERT INTO timetable_pauses (job, paused_by, reason, paused_at, until) VALUES ('due-token-refresh', 'sara', 'moving', now(), '2040-12-01T06:26:37Z')");
            await change.ExecuteNonQueryAsync();
        }

        var health = await ServerProcess.RunAsync(settings, "tokens", "health");

        health.Out.ShouldMatch("jibit .* expired 48 min( \\d+ s)? ago ");
        health.Out.ShouldContain("Times are in Asia/Tehran.");
        health.Out.ShouldContain("paused by sara until 2040-12-01 09:56:37 (moving)");
    }

    [Fact]
    public async Task A_cleared_cache_is_dropped_by_every_node_which_serves_what_is_stored_from_then_on()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        var settings = data.VerbSettings(connectionString);
        await using var first = await RunningServer.StartAsync(postgres, connectionString);
        await using var second = await RunningServer.StartAsync(postgres, connectionString);
        RunningServer[] nodes = [first, second];
        var key = await DoneAsync(settings, "clients add reader --tokens *");
        foreach (var node in nodes)
        {
            node.Http.DefaultRequestHeaders.Authorization = new("Bearer", key);
            await RunningServer.UntilAsync(async () => await ServedVersionAsync(node) == 1, "the token served");
        }

        // Announced to no node, as if the notification had been lost.
        await first.ExecuteAsync("ALTER TABLE tokens DISABLE TRIGGER USER; UPDATE tokens SET version = 5; ALTER TABLE tokens ENABLE TRIGGER USER");
        (await ServedVersionAsync(first), await ServedVersionAsync(second)).ShouldBe((1, 1), "served from memory");

        (await DoneAsync(settings, "cache clear")).ShouldBe("Every node is reloading its tokens.");

        foreach (var node in nodes)
        {
            await RunningServer.UntilAsync(async () => await ServedVersionAsync(node) == 5, "what is stored is served", seconds: 30);
        }
    }

    private static async Task<long?> ServedVersionAsync(RunningServer node)
    {
        using var answer = await node.Http.GetAsync("/api/tokens/jibit/access-token");
        return answer.IsSuccessStatusCode ? JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("version").GetInt64() : null;
    }

    private static Task<string> DoneAsync(Dictionary<string, string> settings, string call) => ServerProcess.DoneAsync(settings, call);

    private static string JobId(string json) => JsonDocument.Parse(json).RootElement.EnumerateArray().ShouldHaveSingleItem().GetProperty("job_id").GetString()!;

    private static Task<List<string>> OrdersAsync(Dictionary<string, string> settings) =>
        WrittenAsync(settings, "SELECT actor || ' ' || action || ' ' || (details ->> 'job') FROM audit_log WHERE action LIKE 'token.refresh%' ORDER BY id");

    private static Task<List<string>> AuditAsync(Dictionary<string, string> settings) =>
        WrittenAsync(settings, $"SELECT action || ' ' || subject FROM audit_log WHERE actor = 'cli:{Environment.UserName}' AND action NOT LIKE 'token.refresh%' ORDER BY id");

    private static async Task<List<string>> WrittenAsync(Dictionary<string, string> settings, string sql)
    {
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"]);
        await using var rows = await db.CreateCommand(sql).ExecuteReaderAsync();
        var orders = new List<string>();
        while (await rows.ReadAsync())
        {
            orders.Add(rows.GetString(0));
        }

        return orders;
    }

    private static async Task<JsonElement> RowOfAsync(ServerProcess server, Dictionary<string, string> settings, string jobId)
    {
        JsonElement[] rows = [];
        await server.UntilAsync(
            async () => (rows = [.. JsonDocument.Parse(await DoneAsync(settings, "logs show --json")).RootElement.EnumerateArray()
                .Where(row => row.GetProperty("job_id").GetString() == jobId && row.GetProperty("status").GetString() != "running")]).Length > 0,
            $"a settled row of job {jobId}");
        return rows.ShouldHaveSingleItem();
    }
}
