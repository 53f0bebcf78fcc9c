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
            incident => incident.About.ShouldBe("it stored an older jibit than was served"));
        var told = (await world.OutboxAsync()).ShouldHaveSingleItem();
        told.Subject.ShouldContain("DATABASE WENT BACK IN TIME");
        InOneLine(told.Text).ShouldSatisfyAllConditions(
            text => text.ShouldContain("it stored an older jibit than was served. Newer tokens that a node still held were saved back."),
            text => text.ShouldContain("Find out what took the database back: a failover to a replica that was behind, or a restored backup."),
            text => text.ShouldContain("tokens test NAME"),
            text => text.ShouldContain("What people changed since then (pauses, client keys, imports) is lost: make it again."));
    }

    [Fact]
    public async Task Several_older_tokens_are_one_message_that_counts_them_each_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, Three);
        await WentBackAsync(world, [.. Three, "jibit"]);

        await world.PassAsync(TimeSpan.FromMinutes(30));

        InOneLine((await world.OutboxAsync()).ShouldHaveSingleItem().Text).ShouldContain("it stored 3 tokens in an older version than was served");
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
        InOneLine(told[1].Text).ShouldContain("Nothing older than what was served was found in the last hour.");
    }

    private static string InOneLine(string text) => string.Join(' ', text.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));

    private static async Task WentBackAsync(AlertWorld world, params string[] tokens)
    {
        await using var db = await world.Tokens.ContextAsync();
        db.Audit.AddRange(tokens.Select(token => AuditEntry.Of(world.Tokens.Clock.GetUtcNow(), "node:node-1", RestoredTokens.Action, token, new { })));
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
    }
}
