using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class IncidentLinkTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_link_of_a_mail_asks_first_and_acts_when_it_is_confirmed_without_a_sign_in()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        var (id, desk) = await OpenAsync(panel);
        var link = Path(panel, id, IncidentAction.Acknowledge);

        (await panel.ReadAsync(link)).ShouldContain("Acknowledge this incident?");
        (await desk.FindAsync(id, CancellationToken.None))!.AcknowledgedAt.ShouldBeNull("reading changes nothing: programs that scan mails follow links");
        var done = await (await panel.PostAsync(link, link)).Content.ReadAsStringAsync();

        done.ShouldContain("No reminders");
        (await desk.FindAsync(id, CancellationToken.None))!.AcknowledgedBy.ShouldBe("mail link");
    }

    [Fact]
    public async Task A_snooze_from_a_mail_lasts_a_day()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        var (id, desk) = await OpenAsync(panel);
        var link = Path(panel, id, IncidentAction.Snooze);

        await panel.PostAsync(link, link);

        ((await desk.FindAsync(id, CancellationToken.None))!.SnoozedUntil!.Value - TimeProvider.System.GetUtcNow()).TotalHours.ShouldBeInRange(23.5, 24);
    }

    [Fact]
    public async Task A_link_that_was_changed_or_is_too_old_leads_to_the_sign_in()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        var (id, desk) = await OpenAsync(panel);
        var good = Path(panel, id, IncidentAction.Acknowledge);

        string[] bad =
        [
            good.Replace($"/{id}/", $"/{id + 1}/", StringComparison.Ordinal), good.Replace("acknowledge", "snooze", StringComparison.Ordinal), good.Replace("acknowledge", "7", StringComparison.Ordinal),
            good[..^1] + (good[^1] == '0' ? '1' : '0'), good.Replace("until=1", "until=2", StringComparison.Ordinal), good.Split('?')[0], $"{good.Split('?')[0]}?until=x&signature=y",
        ];
        foreach (var link in bad)
        {
            var answer = await panel.Http.GetAsync(link);
            answer.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/account/login", link);
        }

        (await panel.Http.PostAsync(good, null)).StatusCode.ShouldBe(HttpStatusCode.BadRequest, "without the form's token");
        (await desk.FindAsync(id, CancellationToken.None))!.AcknowledgedAt.ShouldBeNull();
    }

    [Fact]
    public async Task Whoever_is_signed_in_and_follows_a_link_that_is_no_good_any_more_comes_to_the_incidents()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        var (id, _) = await OpenAsync(panel);

        var answer = await panel.Http.GetAsync(Path(panel, id, IncidentAction.Acknowledge)[..^1]);

        (answer.StatusCode, answer.RequestMessage!.RequestUri!.AbsolutePath).ShouldBe((HttpStatusCode.OK, "/access/incidents"));
    }

    [Theory]
    [InlineData("", "", null)]
    [InlineData("https://tokens.example.com/", "", "https://tokens.example.com/access/tokens")]
    [InlineData("", "https://panel.example.com/sub", "https://panel.example.com/sub/access/tokens")]
    [InlineData("https://tokens.example.com", "https://panel.example.com", "https://panel.example.com/access/tokens")]
    public async Task Links_lead_to_the_panels_own_address_else_to_the_public_one_and_nowhere_else(string publicUrl, string panelUrl, string? address)
    {
        await using var server = await RunningServer.StartAsync(postgres, settings: [("Access:PublicUrl", publicUrl), ("TokenRefresh:Notifications:PanelUrl", panelUrl)]);

        server.Services.GetRequiredService<IncidentLinks>().To(PanelPaths.Tokens).ShouldBe(address);
    }

    private static async Task<(long Id, IncidentService Desk)> OpenAsync(Panel panel)
    {
        await using var db = await panel.Server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var incident = Incident.Open(new(IncidentKind.SuccessRate, "another", "rate", "success_rate", "another", false, 0, "<b>why</b>"), TimeProvider.System.GetUtcNow());
        db.Incidents.Add(incident);
        await db.SaveChangesAsync();
        return (incident.Id, panel.Server.Services.GetRequiredService<IncidentService>());
    }

    private static string Path(Panel panel, long id, IncidentAction action) =>
        panel.Server.Services.GetRequiredService<IncidentLinks>().Sign(id, action);
}
