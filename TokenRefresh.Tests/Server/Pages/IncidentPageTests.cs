using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class IncidentPageTests(PostgresFixture postgres)
{
    private const string Page = "/access/incidents/1";

    [Fact]
    public async Task An_incident_shows_its_tokens_the_clients_that_got_nothing_and_what_happened_when()
    {
        await using var panel = await OpenAsync(Role.Operator);
        await panel.Server.ExecuteAsync("INSERT INTO client_reads (token_name, client, hour, reads, refused, last_at) VALUES ('jibit', 'client:billing', date_trunc('hour', now()), 5, 146, now())");

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("jibit: refresh failing, provider unreachable");
        page.ShouldContain("<b> 146 × 503</b>");
        page.ShouldContain("Incident opened");
        page.ShouldMatch("href=\"/access/token-refresh-logs/\\d+\" data-drawer>jibit: (attempt failed, provider unreachable|\\d+ attempts failed)");
        page.ShouldContain("Retry now");
    }

    [Fact]
    public async Task It_is_acknowledged_snoozed_and_noted_there_and_a_note_is_plain_text()
    {
        await using var panel = await OpenAsync(Role.Operator);

        var acknowledged = await panel.SendAsync(Page, "/access/incidents?handler=Acknowledge", ("id", "1"), ("back", Page));
        var snoozed = await panel.SendAsync(Page, "/access/incidents?handler=Snooze", ("id", "1"), ("back", Page));
        var noted = await panel.SendAsync(Page, $"{Page}?handler=Note", ("text", " called them: <b>fixing</b> "));
        var empty = await panel.SendAsync(Page, $"{Page}?handler=Note", ("text", " "));
        var unknown = await panel.PostAsync(Page, "/access/incidents/77?handler=Note", ("text", "to nobody"));

        Panel.FlashMessage(acknowledged).ShouldStartWith("Acknowledged.");
        acknowledged.ShouldContain("Acknowledged by user:Operator");
        Panel.FlashMessage(snoozed).ShouldStartWith("Snoozed for 24 h");
        snoozed.ShouldContain("Snoozed by user:Operator");
        snoozed.Split("Acknowledged by user:Operator").Length.ShouldBe(2, "once");
        Panel.FlashMessage(noted).ShouldBe("Note added.");
        noted.ShouldContain("<p class=\"note\" dir=\"auto\">called them: &lt;b&gt;fixing&lt;/b&gt;</p>");
        Panel.FlashMessage(empty).ShouldStartWith("Enter a note");
        unknown.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await panel.AuditAsync()).Count(entry => entry.Action == "incident.noted").ShouldBe(1);
    }

    [Fact]
    public async Task Its_attempts_begin_with_the_first_failure_that_led_to_it_and_name_who_asked_for_them()
    {
        await using var panel = await OpenAsync(Role.Operator);
        await panel.Server.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, completed_at, duration_ms, attempt, node, error_code)
            SELECT 'jibit', 'jibit', 'failed', 'due', 'schedule', 'HTTP 503', '{{}}'::jsonb, now() - number * interval '1 minute', now() - number * interval '1 minute', 500, 1, 'n', 'provider_down' FROM generate_series(2, 41) AS number
            UNION ALL SELECT 'jibit', 'jibit', 'success', 'due', 'schedule', '', '{{}}'::jsonb, now() - interval '50 minutes', now() - interval '50 minutes', 500, 1, 'n', NULL
            UNION ALL SELECT 'jibit', 'jibit', 'failed', 'due', 'schedule', 'HTTP 503', '{{}}'::jsonb, now() - interval '60 minutes', now() - interval '60 minutes', 500, 1, 'n', 'provider_down'
            UNION ALL SELECT 'jibit', 'jibit', 'failed', 'forced', 'user:olga', 'HTTP 503', '{{}}'::jsonb, now() - interval '70 seconds', now() - interval '70 seconds', 500, 1, 'n', 'provider_down'
            """);
        var incidents = panel.Server.Services.GetRequiredService<IncidentService>();

        var page = await panel.ReadAsync(Page);
        var attempts = await incidents.AttemptsAsync((await incidents.FindAsync(1, default))!, 200, default);

        attempts.Count(row => row.TriggeredBy != "user:Operator" && row.StartedAt < TimeProvider.System.GetUtcNow().AddMinutes(-1)).ShouldBe(41, "not what lies before the last success");
        page.ShouldMatch("jibit: 4\\d attempts failed until");
        page.ShouldContain("jibit: refresh asked for by user:olga");
        (await panel.ReadAsync("/access/search?q=unreachable")).ShouldContain("href=\"/access/incidents/1\"");
    }

    [Fact]
    public async Task Its_messages_and_its_other_episodes_are_on_it()
    {
        await using var panel = await OpenAsync(Role.Viewer, ("TokenRefresh:Notifications:Email", "ops@example.com"));
        await panel.Server.ExecuteAsync(
            """
            INSERT INTO notifications (created_at, kind, incident_id, channel, recipient, subject, text, html, message_id, status, attempts, next_attempt_at)
            VALUES (now(), 'opened', 1, 'email', 'ops@example.com', 'FAILED: jibit', 'What to do: wait.', '', 'm1', 'written', 1, now());
            INSERT INTO incidents (key, kind, scope, cause, detail, subjects, told_subjects, opened_at, joined_at, resolved_at, flaps, reminders, told_stage, was_mailed)
            SELECT key, kind, scope, cause, detail, subjects, told_subjects, opened_at - interval '1 day', joined_at - interval '1 day', opened_at - interval '23 hours', 0, 0, 0, FALSE FROM incidents WHERE id = 1
            """);

        var page = await panel.ReadAsync(Page);

        page.ShouldContain("<pre dir=\"auto\">What to do: wait.</pre>");
        page.ShouldContain("message to ops@example.com, written to disk");
        page.ShouldContain("href=\"/access/incidents/2\"");
        page.ShouldNotContain("Add note", Case.Sensitive, "a viewer writes none");
    }

    [Fact]
    public async Task One_that_does_not_exist_is_a_page_that_says_so()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);

        (await panel.Http.GetAsync("/access/incidents/4711")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    private async Task<Panel> OpenAsync(Role role, params (string Key, string Value)[] settings)
    {
        var panel = await Panel.OpenAsync(postgres, role, new ModelProvider { Before = ModelProvider.Failing(FailureKind.ProviderDown) }, settings: settings);
        await RunningServer.UntilAsync(async () => (await panel.Server.TokenAsync()).ConsecutiveFailures > 0, "it has failed");
        await using var db = await panel.Server.Services.GetRequiredService<Microsoft.EntityFrameworkCore.IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        db.Incidents.Add(Incident.Open(new(IncidentKind.Failed, "jibit", "passing", "provider_down", "jibit", false, 0, "HTTP 503"), TimeProvider.System.GetUtcNow()));
        await db.SaveChangesAsync();
        return panel;
    }
}
