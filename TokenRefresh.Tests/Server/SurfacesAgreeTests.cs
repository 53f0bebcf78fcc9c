using System.Diagnostics.Metrics;
using System.Net;
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

/// <summary>What every surface says of one situation: probe, API, verb, pages, badge, metrics, heartbeat, daily summary and incidents, by the real program.</summary>
public sealed partial class SurfacesAgreeTests(PostgresFixture postgres)
{
    private const string NoRecipient = "no mail recipient", NotConfigured = "not configured";

    /// <summary>A situation as SQL on the token <c>jibit</c>, the words that it has, of the token and of the whole, and the kind of the incident that it is.</summary>
    public static TheoryData<string, string, string, string, string> Situations => new()
    {
        { "everything fine", "", "healthy", "operational", "" },
        { NotConfigured, "", "not_configured", "operational", "" },
        { "provider down at once", Token(Failing(1) + ", retry_job_id = '7'"), "degraded", "degraded", "" },
        { "provider down past the last retry", Token(Failing(4)), "degraded", "degraded", "failed" },
        { "provider down near the end", Token(Failing(4) + ", expires_at = now() + interval '1 hour', refresh_due_at = now() - interval '3 hours'"), "critical", "action_required", "failed" },
        { "credentials refused, valid", Token("last_error_code = 'credential_rejected', last_error = 'HTTP 401', consecutive_failures = 1"), "action_required", "action_required", "failed" },
        { "expired", Token(Failing(4) + ", expires_at = now() - interval '1 hour', refresh_due_at = now() - interval '3 hours'"), "expired", "outage", "failed" },
        { "paused, valid", Token("paused_at = now(), pause_reason = 'a test', is_active = false"), "paused", "operational", "" },

        // A person has decided so: it is an outage for clients, and no news.
        { "paused, expired", Token("paused_at = now(), pause_reason = 'a test', is_active = false, expires_at = now() - interval '1 hour'"), "paused", "outage", "" },
        { "late", Token("refresh_due_at = now() - interval '1 hour'"), "degraded", "action_required", "failed" },
        {
            "schedule paused",
            "INSERT INTO timetable_pauses (job, paused_by, reason, paused_at, until) VALUES ('due-token-refresh', 'sara', 'moving', now(), now() + interval '1 hour')",
            "healthy", "action_required", ""
        },
        {
            "messages not delivered",
            "INSERT INTO notifications SELECT (jsonb_populate_record(notifications, jsonb_build_object('id', nextval(pg_get_serial_sequence('notifications', 'id')), 'kind', 'test', 'created_at', now() - interval '1 hour', 'next_attempt_at', now() + interval '1 hour', 'channel', 'email', 'recipient', 'ops@example.com', 'subject', '', 'text', '', 'html', '', 'message_id', '', 'status', 'pending', 'attempts', 1))).* FROM (SELECT NULL::notifications AS notifications) AS none",
            "healthy", "action_required", "silence"
        },
        { NoRecipient, "", "healthy", "operational", "" },
    };

    [Theory]
    [MemberData(nameof(Situations))]
    public async Task Every_surface_says_the_same_of_a_situation(string situation, string sql, string token, string overall, string incident)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        var settings = stub.Settings(data, database);
        await using var panel = await OpenAsync(settings, database, recipient: situation == NoRecipient ? "" : "ops@example.com");
        var server = panel.Server;
        if (sql.Length > 0)
        {
            await server.ExecuteAsync(sql);
        }

        var name = situation == NotConfigured ? "fino_kyc" : "jibit";
        var isServing = overall is "operational" or "degraded";
        var isWell = token is "healthy" or "not_configured" || situation == "paused, valid";
        var (inWords, overallInWords) = (token.Replace('_', ' '), overall.Replace('_', ' '));
        var said = new List<string>();

        // The verb.
        var verb = await ServerProcess.RunAsync(settings, "tokens", "health", "--json");
        var row = JsonDocument.Parse(verb.Out).RootElement.EnumerateArray().Single(each => each.GetProperty("name").GetString() == name);
        (verb.ExitCode, row.GetProperty("status").GetString(), row.GetProperty("is_well").GetBoolean()).ShouldBe((overall == "operational" ? 0 : 1, token, isWell), verb.Error);
        verb.Error.Contains($"Overall: {overall}", StringComparison.Ordinal).ShouldBe(overall != "operational");
        verb.Error.Contains("No one can be notified", StringComparison.Ordinal).ShouldBe(situation == NoRecipient);
        said.Add($"{token}, exit {verb.ExitCode}");

        // The probe.
        var fresh = await server.Http.GetAsync("/health/fresh");
        var word = await fresh.Content.ReadFromJsonAsync<JsonElement>();
        ((int)fresh.StatusCode, word.GetProperty("overall").GetString()).ShouldBe((isServing ? 200 : 503, overall), situation);
        (await fresh.Content.ReadAsStringAsync()).Contains("degraded", StringComparison.Ordinal).ShouldBe(overall == "degraded");
        said.Add($"{(int)fresh.StatusCode} {word.GetProperty("status").GetString()}");

        // The API.
        var health = await server.Http.GetAsync("/api/tokens/health");
        var body = (await health.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data");
        ((int)health.StatusCode, body.GetProperty("overall_health").GetString(), body.GetProperty("status").GetString())
            .ShouldBe((overall == "outage" ? 503 : 200, overall switch { "operational" => "healthy", "outage" => "unhealthy", _ => "partial" }, overall));
        body.GetProperty("providers").GetProperty(name).GetProperty("status").GetString().ShouldBe(token);
        body.GetProperty("providers").GetProperty("fino_kyc").GetProperty("status").GetString().ShouldBe("not_configured");
        (await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens")).EnumerateArray().Single(each => each.GetProperty("name").GetString() == name).GetProperty("status").GetString().ShouldBe(token);
        (await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/needs-refresh")).GetProperty("data").GetProperty("tokens_needing_refresh").EnumerateArray()
            .Any(each => each.GetProperty("name").GetString() == name).ShouldBe(token is not ("healthy" or "not_configured" or "paused"));
        said.Add($"{body.GetProperty("status").GetString()} ({body.GetProperty("overall_health").GetString()}), token {token}");

        // The pages, and the strip on each but the overview.
        foreach (var page in new[] { "/access", "/access/tokens", $"/access/tokens/{name}", "/access/token-health", "/access/incidents" })
        {
            var html = await panel.ReadAsync(page);
            var shown = DataStatus().Matches(html).Select(match => match.Groups[1].Value).ToList();
            shown.Distinct().ShouldBe([overall], $"{situation}: {page}");
            html.Contains("No one can be notified", StringComparison.Ordinal).ShouldBe(situation == NoRecipient, $"{situation}: {page}");
            if (page.StartsWith("/access/tokens", StringComparison.Ordinal))
            {
                html.ShouldMatch($"(?i)<span class=\"state\"[^>]*>{inWords}</span>");
            }

            if (page is "/access" or "/access/token-health")
            {
                said.Add($"{shown[^1]}: {WebUtility.HtmlDecode(Verdict().Match(html).Groups[1].Value)}");
            }
        }

        said.Add($"{(isWell ? "no token" : "1 token")}, {(overall == "operational" ? "no strip" : $"strip: {overallInWords}")}");

        // The metrics.
        var metrics = await server.Http.GetStringAsync("/metrics");
        metrics.ShouldMatch($"(?m)^tokenrefresh_status\\{{.*status=\"{overall}\".*\\}} 1");
        metrics.ShouldMatch($"(?m)^tokenrefresh_token_status\\{{.*status=\"{token}\".*token=\"{name}\".*\\}} 1");
        Measured(server, "tokenrefresh.status").Select(tags => tags["status"]).ShouldBe([overall]);
        Measured(server, "tokenrefresh.token.status").Single(tags => tags["token"] == name)["status"].ShouldBe(token);
        said.Add($"{overall}, {token}");

        // The heartbeat, the incidents, and the daily summary.
        var problem = await server.Services.GetServices<IHostedService>().OfType<AlertWatch>().Single().LookAsync(CancellationToken.None);
        (problem is null).ShouldBe(isServing);
        problem?.ShouldStartWith($"{overall}: ");
        said.Add(problem ?? "sent");
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        (await db.Incidents.AsNoTracking().Where(row => row.ResolvedAt == null).ToListAsync()).Select(row => row.Kind.Code()).ShouldBe(incident.Length == 0 ? [] : [incident]);
        said.Add(incident.Length == 0 ? "none" : incident);
        var summary = server.Services.GetRequiredService<DailySummary>();
        var written = await summary.WriteAsync(await server.Services.GetRequiredService<SystemStatusReader>().ReadAsync(CancellationToken.None), CancellationToken.None);
        written.ShouldBe(situation == NoRecipient ? 0 : 1);
        var subject = (await db.Notifications.AsNoTracking().SingleOrDefaultAsync(mail => mail.Kind == "summary"))?.Subject;
        subject?.ShouldStartWith($"SUMMARY: {overallInWords}, ");
        said.Add(subject ?? "no recipient");
        TestContext.Current.TestOutputHelper?.WriteLine($"| {situation} | {string.Join(" | ", said)} |");
    }

    [GeneratedRegex("class=\"verdict[^>]*>(.*?)</", RegexOptions.Singleline)]
    private static partial Regex Verdict();

    // What /metrics shows is of every host in this process: what this one measures is read from its own meters.
    private static List<Dictionary<string, string?>> Measured(RunningServer server, string name)
    {
        var meters = server.Services.GetRequiredService<IMeterFactory>();
        var measured = new List<Dictionary<string, string?>>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == name && instrument.Meter.Scope == meters)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((_, _, tags, _) => measured.Add(tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value?.ToString(), StringComparer.Ordinal)));
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;
    }

    [GeneratedRegex("data-status=\"([a-z_]+)\"")]
    private static partial Regex DataStatus();

    private static string Failing(int times) =>
        $"last_error_code = 'provider_down', last_error = 'HTTP 503', consecutive_failures = {times}, next_attempt_at = now() + interval '20 minutes'";

    private static string Token(string change) => $"UPDATE tokens SET {change} WHERE name = 'jibit'";

    // The server that a verb finds beside it: the same settings, but that nothing moves by itself.
    private async Task<Panel> OpenAsync(Dictionary<string, string> settings, string database, string recipient)
    {
        (settings["TokenRefresh__Notifications__Email"], settings["Email__Host"], settings["Email__Port"]) = (recipient, "127.0.0.1", "1");
        settings["Metrics__Enabled"] = "true";
        settings["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]);
        (string, string)[] pairs = [.. settings.Select(pair => (pair.Key.Replace("__", ":", StringComparison.Ordinal), pair.Value))];
        var panel = await Panel.OpenAsync(postgres, Role.Viewer, connectionString: database, withSandbox: true, settings: pairs);
        var keys = panel.Server.Services.GetRequiredService<ClientKeys>();
        panel.Server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await keys.IssueAsync("program", "*", "a test", CancellationToken.None));
        await keys.ReloadAsync(CancellationToken.None);
        return panel;
    }
}
