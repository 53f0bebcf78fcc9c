using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class IncidentsPageTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("/access/incidents")]
    [InlineData("/access/token-health")]
    public async Task A_token_that_is_well_again_is_told_apart_from_those_that_still_fail(string path)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await OpenAsync(panel, IncidentKind.Failed);

        Words(await panel.ReadAsync(path)).ShouldContain("failed gone Over for jibit");
    }

    [Fact]
    public async Task What_is_wrong_now_names_only_those_that_still_fail()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await OpenAsync(panel, IncidentKind.Failed);

        Words(await panel.ReadAsync("/access/token-health")).ShouldContain("Wrong now: failed: gone (timeout).");
    }

    [Fact]
    public async Task A_token_that_needs_a_person_soon_is_not_called_well_while_it_is_valid()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await OpenAsync(panel, IncidentKind.NeedsPerson);

        Words(await panel.ReadAsync("/access/incidents")).ShouldContain("needs person gone, jibit ");
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
