using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class DailySummaryTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Its_figures_equal_a_hand_count()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["a", "b"]);
        var summary = world.Tokens.Node.GetRequiredService<DailySummary>();

        // Two successes so far; then four failures, one of them with refused credentials at another token, and a skip.
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        for (var run = 0; run < 3; run++)
        {
            await world.Tokens.RefreshAsync(RefreshTrigger.Forced, "a");
        }

        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await world.Tokens.RefreshAsync(RefreshTrigger.Forced, "b");
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        await world.Tokens.RefreshAsync(RefreshTrigger.Automatic, "b");
        await world.PassAsync(TimeSpan.FromMinutes(1));

        // A died twelve minutes before it was renewed; b has been dead for half an hour, and still is.
        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = timestamptz '2026-03-01T12:01:00Z' - interval '12 minutes', last_success_at = timestamptz '2026-03-01T11:00:00Z' WHERE name = 'a'");
        await world.SucceedAsync("a");
        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = timestamptz '2026-03-01T12:01:00Z' - interval '30 minutes', last_success_at = timestamptz '2026-03-01T11:00:00Z' WHERE name = 'b'");
        var report = await summary.ReportAsync(world.SystemStatus(world.Tokens.Clock.GetUtcNow()), CancellationToken.None);

        (report.All.SuccessfulAttempts, report.All.FailedAttempts, report.All.SkippedAttempts).ShouldBe((3, 4, 1));
        report.All.SuccessRate.ShouldBe(42.9);
        report.WithoutToken.ShouldBe(TimeSpan.FromMinutes(42));
        report.Tokens[0].Name.ShouldBe("b");
        SummaryMail.Write(report, TimeZoneInfo.Utc, world.Tokens.Node.GetRequiredService<IncidentLinks>()).Text.ShouldContain("missed, burn rate 5000", Case.Sensitive, "half of the last hour, of which a ten-thousandth is allowed");
        report.Open.Select(incident => incident.Cause).ShouldBe(["credential_rejected", "provider_down"], ignoreOrder: true);
    }

    [Fact]
    public async Task It_is_one_mail_to_each_recipient()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["a"], ("TokenRefresh:Notifications:Email", "one@example.com, two@example.com"));

        (await world.Tokens.Node.GetRequiredService<DailySummary>().WriteAsync(world.SystemStatus(world.Tokens.Clock.GetUtcNow()), CancellationToken.None)).ShouldBe(2);
        await world.TickAsync();

        world.Smtp.Mails.Select(mail => mail.Recipient).ShouldBe(["one@example.com", "two@example.com"]);
        world.Smtp.Subjects.ShouldAllBe(subject => subject == "SUMMARY: operational, 1 / 1 valid");
    }

    [Fact]
    public async Task Whoever_wants_to_hear_of_successes_hears_of_each_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["a"], ("TokenRefresh:Notifications:OnSuccess", "true"));
        await world.PassAsync(TimeSpan.FromMinutes(3));
        var before = world.Smtp.Subjects.Count;

        await world.SucceedAsync("a");
        await world.PassAsync(TimeSpan.FromMinutes(5));

        world.Smtp.Subjects.Skip(before).ShouldBe(["REFRESHED: a"]);
    }

    [Theory]
    [InlineData("TokenRefresh:Notifications:Enabled", "false")]
    [InlineData("TokenRefresh:Notifications:Email", "")]
    [InlineData("TokenRefresh:Notifications:DailySummary", "false")]
    public async Task Where_it_is_switched_off_there_is_none(string key, string value)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["a"], (key, value));

        (await world.Tokens.Node.GetRequiredService<DailySummary>().WriteAsync(world.SystemStatus(world.Tokens.Clock.GetUtcNow()), CancellationToken.None)).ShouldBe(0);
    }
}
