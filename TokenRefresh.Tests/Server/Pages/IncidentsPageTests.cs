using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class IncidentsPageTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_token_that_is_well_again_is_told_apart_from_those_that_still_fail()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await OpenAsync(panel, IncidentKind.Failed);

        Words(await panel.ReadAsync("/access/incidents")).ShouldContain("Open gone: refresh failing, timeout Resolved for jibit");
    }

    [Fact]
    public async Task What_is_wrong_now_names_only_those_that_still_fail()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await OpenAsync(panel, IncidentKind.Failed);

        Words(await panel.ReadAsync("/access/token-health")).ShouldMatch("All systems operational gone: refresh failing, timeout");
    }

    [Fact]
    public async Task A_token_that_needs_a_person_soon_is_not_called_well_while_it_is_valid()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await OpenAsync(panel, IncidentKind.NeedsPerson);

        Words(await panel.ReadAsync("/access/incidents")).ShouldContain("gone, jibit: action required, timeout");
    }

    [Theory]
    [InlineData("", "No one can be notified: neither a recipient nor a webhook is configured.")]
    [InlineData("ops@example.com", "No one can be notified: no mail server is configured, so mails are only written to disk. Set Email__Host.")]
    public async Task A_strip_on_every_page_says_that_no_one_can_be_notified_and_what_to_set(string recipient, string words)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin, settings: ("TokenRefresh:Notifications:Email", recipient));
        string[] pages = ["/no/such/page", "/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-health", "/access/incidents", "/access/providers", "/access/settings", "/access", "/access/clients", "/access/users", "/access/audit"];
        foreach (var page in pages)
        {
            Words(await panel.ReadAsync(page)).ShouldContain(words, Case.Sensitive, page);
        }

        panel.Expire();
        Words(await panel.ReadAsync("/account/login")).ShouldNotContain("notified", Case.Sensitive, "nobody is signed in");
    }

    [Theory]
    [InlineData("Enabled", "false")]
    [InlineData("WebhookUrls", "https://chat.example.com/hook")]
    public async Task There_is_no_strip_while_someone_can_be_notified_or_where_that_is_switched_off(string key, string value)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, settings: [($"TokenRefresh:Notifications:{key}", value), ("TokenRefresh:Notifications:WebhookSecret", "a secret of the webhook")]);

        Words(await panel.ReadAsync("/access/tokens")).ShouldNotContain("can be notified");
    }

    [Fact]
    public async Task A_mail_that_is_a_file_is_shown_as_written_to_disk_and_its_incident_as_told_to_no_one()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, settings: ("TokenRefresh:Notifications:Email", "ops@example.com"));
        await panel.Server.ExecuteAsync("UPDATE tokens SET consecutive_failures = 4, last_error_code = 'provider_down', last_error = 'HTTP 503'");
        var round = panel.Server.Services.GetRequiredService<AlertEvaluation>();
        await round.RunAsync(new(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1), 5, null), default);
        await panel.Server.ExecuteAsync("UPDATE incidents SET opened_at = opened_at - interval '3 minutes', joined_at = joined_at - interval '3 minutes'");
        await round.RunAsync(new(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1), 5, null), default);
        await panel.Server.Services.GetRequiredService<Outbox>().DeliverAsync(default);

        var page = await panel.ReadAsync("/access/incidents");

        Words(page).ShouldContain("written to disk only");
        Words(page).ShouldMatch("written to disk .* written to disk: .*-opened.eml; no mail server is configured, set Email__Host");
        Words(page).ShouldContain("Messages carry no links: set Access__PublicUrl to the public address of the panel.");
        page.ShouldNotContain("<tr class=\"is-well\">");
    }

    [Fact]
    public async Task Both_episodes_of_what_came_back_are_in_the_list()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await using (var db = await panel.Server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            var (began, now) = (TimeProvider.System.GetUtcNow().AddMinutes(-30), TimeProvider.System.GetUtcNow());
            Finding complaint = new(IncidentKind.Failed, "jibit", "passing", "timeout", "gone", false, 0, "no answer");
            var first = Incident.Open(complaint, began);
            first.Resolve(began.AddMinutes(9));
            db.Incidents.AddRange(first, Incident.Open(complaint, now, before: first));
            await db.SaveChangesAsync();
        }

        var page = Words(await panel.ReadAsync("/access/incidents"));

        page.ShouldContain("Open gone: refresh failing, timeout");
        page.ShouldContain("Resolved gone: refresh failing, timeout");
        page.ShouldContain("lasted 9 min");
    }

    private static async Task OpenAsync(Panel panel, IncidentKind kind)
    {
        await using var db = await panel.Server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var now = TimeProvider.System.GetUtcNow();
        var incident = Incident.Open(new(kind, "jibit", "passing", "timeout", "gone", false, 0, "no answer"), now);
        incident.Join("jibit", now);
        db.Incidents.Add(incident);
        await db.SaveChangesAsync();
    }

    private static string Words(string page) => Spaces().Replace(Tags().Replace(page, " "), " ").Replace(" ,", ",", StringComparison.Ordinal);

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
