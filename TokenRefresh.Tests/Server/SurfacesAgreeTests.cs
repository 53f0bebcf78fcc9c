using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Processes;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server;

/// <summary>What every surface says of one situation: probe, API, verb, page, heartbeat and daily summary, by the real program.</summary>
public sealed partial class SurfacesAgreeTests(PostgresFixture postgres)
{
    /// <summary>A situation as SQL on the token <c>jibit</c>, and the words that it has: of the token and of the whole.</summary>
    public static TheoryData<string, string, string, string> Situations => new()
    {
        { "everything fine", "", "healthy", "operational" },
        { "provider down at once", Token(Failing(1) + ", retry_job_id = '7'"), "degraded", "degraded" },
        { "provider down past the last retry", Token(Failing(4)), "degraded", "degraded" },
        { "provider down near the end", Token(Failing(4) + ", expires_at = now() + interval '1 hour'"), "critical", "action_required" },
        { "credentials refused, valid", Token("last_error_code = 'credential_rejected', last_error = 'HTTP 401', consecutive_failures = 1"), "action_required", "action_required" },
        { "expired", Token(Failing(4) + ", expires_at = now() - interval '1 hour'"), "expired", "outage" },
        { "paused, valid", Token("paused_at = now(), pause_reason = 'a test', is_active = false"), "paused", "operational" },
        { "paused, expired", Token("paused_at = now(), pause_reason = 'a test', is_active = false, expires_at = now() - interval '1 hour'"), "paused", "outage" },
        { "late", Token("refresh_due_at = now() - interval '1 hour'"), "degraded", "action_required" },
        {
            "schedule paused",
            "INSERT INTO timetable_pauses (job, paused_by, reason, paused_at, until) VALUES ('due-token-refresh', 'sara', 'moving', now(), now() + interval '1 hour')",
            "healthy", "action_required"
        },
        {
            "messages not delivered",
            "INSERT INTO notifications SELECT (jsonb_populate_record(notifications, jsonb_build_object('id', nextval(pg_get_serial_sequence('notifications', 'id')), 'kind', 'test', 'created_at', now() - interval '1 hour', 'next_attempt_at', now() + interval '1 hour', 'channel', 'email', 'recipient', 'ops@example.com', 'subject', '', 'text', '', 'html', '', 'message_id', '', 'status', 'pending', 'attempts', 1))).* FROM (SELECT NULL::notifications AS notifications) AS none",
            "healthy", "action_required"
        },
    };

    [Theory]
    [MemberData(nameof(Situations))]
    public async Task Every_surface_says_the_same_of_a_situation(string situation, string sql, string token, string overall)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        var settings = stub.Settings(data, database);
        await using var panel = await OpenAsync(settings, database);
        var server = panel.Server;
        if (sql.Length > 0)
        {
            await server.ExecuteAsync(sql);
        }

        var isServing = overall is "operational" or "degraded";

        // The probe.
        var fresh = await server.Http.GetAsync("/health/fresh");
        ((int)fresh.StatusCode, (await fresh.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("overall").GetString()).ShouldBe((isServing ? 200 : 503, overall), situation);
        (await fresh.Content.ReadAsStringAsync()).Contains("degraded", StringComparison.Ordinal).ShouldBe(overall == "degraded");

        // The API.
        var health = await server.Http.GetAsync("/api/tokens/health");
        var body = (await health.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data");
        ((int)health.StatusCode, body.GetProperty("overall_health").GetString(), body.GetProperty("status").GetString())
            .ShouldBe((overall == "outage" ? 503 : 200, overall switch { "operational" => "healthy", "outage" => "unhealthy", _ => "partial" }, overall));
        body.GetProperty("providers").GetProperty("jibit").GetProperty("status").GetString().ShouldBe(token);
        body.GetProperty("providers").GetProperty("fino_kyc").GetProperty("status").GetString().ShouldBe("not_configured");
        (await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens")).EnumerateArray().Single(row => row.GetProperty("name").GetString() == "jibit").GetProperty("status").GetString().ShouldBe(token);

        // The verb.
        var verb = await ServerProcess.RunAsync(settings, "tokens", "health", "--json");
        var row = JsonDocument.Parse(verb.Out).RootElement.EnumerateArray().Single(each => each.GetProperty("name").GetString() == "jibit");
        (verb.ExitCode, row.GetProperty("status").GetString()).ShouldBe((overall == "operational" ? 0 : 1, token), verb.Error);
        row.GetProperty("is_well").GetBoolean().ShouldBe(token is "healthy" || situation == "paused, valid");

        // The page.
        DataStatus().Match(await panel.ReadAsync("/access/token-health")).Groups[1].Value.ShouldBe(overall);
        (await panel.ReadAsync("/access/tokens")).ShouldContain($"<span class=\"state\">{token.Replace('_', ' ')}</span>");

        // The heartbeat, and the daily summary.
        var problem = await server.Services.GetServices<IHostedService>().OfType<AlertWatch>().Single().LookAsync(CancellationToken.None);
        (problem is null).ShouldBe(isServing);
        problem?.ShouldStartWith($"{overall}: ");
        await server.Services.GetRequiredService<DailySummary>().WriteAsync(await server.Services.GetRequiredService<SystemStatusReader>().ReadAsync(CancellationToken.None), CancellationToken.None);
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        (await db.Notifications.AsNoTracking().SingleAsync(mail => mail.Kind == "summary")).Subject.ShouldStartWith($"SUMMARY: {overall.Replace('_', ' ')}, ");
    }

    [GeneratedRegex("data-status=\"([a-z_]+)\"")]
    private static partial Regex DataStatus();

    private static string Failing(int times) =>
        $"last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = {times}, next_attempt_at = now() + interval '20 minutes'";

    private static string Token(string change) => $"UPDATE tokens SET {change} WHERE name = 'jibit'";

    // The server that a verb finds beside it: the same settings, but that nothing moves by itself.
    private async Task<Panel> OpenAsync(Dictionary<string, string> settings, string database)
    {
        (settings["TokenRefresh__Notifications__Email"], settings["Email__Host"], settings["Email__Port"]) = ("ops@example.com", "127.0.0.1", "1");
        settings["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]);
        (string, string)[] pairs = [.. settings.Select(pair => (pair.Key.Replace("__", ":", StringComparison.Ordinal), pair.Value))];
        var panel = await Panel.OpenAsync(postgres, Role.Viewer, connectionString: database, withSandbox: true, settings: pairs);
        var keys = panel.Server.Services.GetRequiredService<ClientKeys>();
        panel.Server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await keys.IssueAsync("program", "*", "a test", CancellationToken.None));
        await keys.ReloadAsync(CancellationToken.None);
        return panel;
    }
}
