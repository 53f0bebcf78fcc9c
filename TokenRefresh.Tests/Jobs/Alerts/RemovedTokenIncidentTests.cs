using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>A token that fails, and is removed while people know of it.</summary>
public sealed class RemovedTokenIncidentTests(PostgresFixture postgres)
{
    private const string Added = "orders";

    [Fact]
    public async Task The_incident_of_a_token_that_is_removed_ends_without_a_word_that_it_works_again_and_nothing_lists_it_any_more()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await AddAsync(world);
        await world.FailAsync(FailureKind.CredentialRejected, Added);
        await world.PassAsync(TimeSpan.FromHours(25), TimeSpan.FromMinutes(30));
        await world.SucceedAsync("jibit");
        await world.PassAsync(TimeSpan.FromMinutes(2));
        (await DiagnoseAsync(world)).Freshness.Tokens.ShouldContain(token => token.Token == Added, "it has no valid value");
        var told = world.Smtp.Subjects.Count;

        await RemoveAsync(world);
        await world.PassAsync(TimeSpan.FromMinutes(2));

        var incident = (await world.IncidentsAsync()).Single(one => one.Subjects.Contains(Added));
        (incident.IsOpen, incident.EndedByRemoval).ShouldBe((false, true));
        world.Smtp.Subjects.Count.ShouldBe(told);
        var seen = await DiagnoseAsync(world);
        seen.Tokens.ShouldNotContain(token => token.Name == Added);
        seen.Freshness.Tokens.ShouldNotContain(token => token.Token == Added);
        (await IntervalsAsync(world)).ShouldHaveSingleItem().ShouldSatisfyAllConditions(gap => gap.To.ShouldBeLessThan(world.Tokens.Clock.GetUtcNow()), gap => gap.Cause.ShouldBe("credential_rejected"));
    }

    [Fact]
    public async Task Of_two_failing_tokens_the_removed_one_is_not_among_those_that_are_well_again()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await AddAsync(world);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit", Added);
        await world.PassAsync(TimeSpan.FromMinutes(2));

        await RemoveAsync(world);
        await world.PassAsync(TimeSpan.FromMinutes(2));
        await world.SucceedAsync("jibit");
        await world.PassAsync(TimeSpan.FromMinutes(2));

        world.Smtp.Subjects.Last().ShouldStartWith("RECOVERED");
        world.Smtp.Subjects.Last().ShouldEndWith("jibit (credential_rejected)");
        world.Smtp.Mails.Last().Text.ShouldNotContain(Added);
    }

    private static async Task AddAsync(AlertWorld world)
    {
        var changes = world.Tokens.Node.GetRequiredService<TokenDefinitionChanges>();
        var nothing = new Dictionary<string, string>();
        (await changes.AddAsync(new(Added, "jibit", [], Grant.ClientCredentials, nothing, nothing), new("a test", IsUntested: true), CancellationToken.None)).ShouldBeOfType<CatalogResult.Done>();
        await world.SucceedAsync(Added);
    }

    private static async Task RemoveAsync(AlertWorld world) =>
        (await world.Tokens.Node.GetRequiredService<TokenDefinitionChanges>().RemoveAsync(Added, new("a test"), CancellationToken.None)).ShouldBeOfType<CatalogResult.Done>();

    private static Task<SystemDiagnosis> DiagnoseAsync(AlertWorld world) =>
        world.Tokens.Node.GetRequiredService<DiagnosisBuilder>().BuildAsync(world.SystemStatus(world.Tokens.Clock.GetUtcNow()), CancellationToken.None);

    private static async Task<List<UnavailableInterval>> IntervalsAsync(AlertWorld world)
    {
        await using var db = await world.Tokens.ContextAsync();
        return await db.Set<UnavailableInterval>().AsNoTracking().Where(gap => gap.TokenName == Added).ToListAsync();
    }
}
