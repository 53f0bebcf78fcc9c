using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>People are told that the database went back in time, by what the nodes wrote into the audit.</summary>
public sealed class WentBackIncidentTests(PostgresFixture postgres)
{
    private static readonly string[] Three = ["jibit", "one", "two"];

    [Fact]
    public async Task An_older_token_is_one_incident_and_one_message_that_names_it_and_says_what_to_do()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WentBackAsync(world, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(30));

        (await world.IncidentsAsync()).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            incident => incident.Kind.Code().ShouldBe("went_back"),
            incident => incident.IsOpen.ShouldBeTrue(),
            incident => incident.About.ShouldBe("the database stored an older version of jibit than the one served"));
        var told = (await world.OutboxAsync()).ShouldHaveSingleItem();
        told.Subject.ShouldContain("DATABASE WENT BACK IN TIME");
        InOneLine(told.Text).ShouldSatisfyAllConditions(
            text => text.ShouldContain("the database stored an older version of jibit than the one served. Newer tokens that a node still held were saved again."),
            text => text.ShouldContain("Find out why the database went back: a failover to a replica that was behind, or a restored backup."),
            text => text.ShouldContain("tokens test NAME"),
            text => text.ShouldContain("Changes that users made since then (pauses, client keys, imports) are lost: repeat them."));
    }

    [Fact]
    public async Task Several_older_tokens_are_one_message_that_counts_them_each_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, Three);
        await WentBackAsync(world, [.. Three, "jibit"]);

        await world.PassAsync(TimeSpan.FromMinutes(30));

        InOneLine((await world.OutboxAsync()).ShouldHaveSingleItem().Text).ShouldContain("the database stored older versions of 3 tokens than the one served");
    }

    [Fact]
    public async Task It_is_over_after_an_hour_and_that_is_told_without_a_reminder_before()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WentBackAsync(world, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(59));
        (await world.IncidentsAsync()).ShouldHaveSingleItem().IsOpen.ShouldBeTrue();
        await world.PassAsync(TimeSpan.FromMinutes(5));

        (await world.IncidentsAsync()).ShouldHaveSingleItem().IsOpen.ShouldBeFalse();
        var told = await world.OutboxAsync();
        told.Count.ShouldBe(2);
        told[1].Subject.ShouldContain("RECOVERED");
        InOneLine(told[1].Text).ShouldContain("No older tokens were found in the last hour.");
    }

    private static string InOneLine(string text) => string.Join(' ', text.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));

    private static async Task WentBackAsync(AlertWorld world, params string[] tokens)
    {
        await using var db = await world.Tokens.ContextAsync();
        db.Audit.AddRange(tokens.Select(token => AuditEntry.Of(world.Tokens.Clock.GetUtcNow(), "node:node-1", RestoredTokens.Action, token, new { })));
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
    }
}
