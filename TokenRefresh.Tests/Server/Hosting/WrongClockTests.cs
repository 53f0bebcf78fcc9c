using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>A node whose clock and Postgres's are minutes apart: the real program, with Hangfire and Postgres on the machine's clock.</summary>
public sealed class WrongClockTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(36, "36 s ahead of")]
    [InlineData(-36, "36 s behind")]
    [InlineData(600, "10 min ahead of")]
    [InlineData(-4200, "1 h 10 min behind")]
    public async Task A_node_whose_clock_is_wrong_sees_its_workers_and_its_schedule_alive_and_names_the_difference(int seconds, string words)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, clock: new ShiftedClock(TimeSpan.FromSeconds(seconds)), settings: [("TokenRefresh:Schedule:DueCheckCron", "* * * * *")]);
        var services = panel.Server.Services;
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();

        var pulse = await services.GetRequiredService<SystemStatusReader>().ReadAsync(TestContext.Current.CancellationToken);
        var server = (await services.GetRequiredService<LiveServers>().ListAsync(TestContext.Current.CancellationToken)).ShouldHaveSingleItem();

        pulse.StalledComponents(now).ShouldBeEmpty();
        pulse.Workers.ShouldBe(2);
        server.HeartbeatAt.ShouldBeInRange(now.AddSeconds(-30), now.AddSeconds(5));
        var difference = services.GetRequiredService<ClockDifferences>().Named.ShouldHaveSingleItem();
        difference.Words.ShouldBe($"this node's clock is {words} the clock of the database");
        var page = System.Net.WebUtility.HtmlDecode(await panel.ReadAsync("/access/token-health"));
        page.ShouldContain(difference.Words);
        page.ShouldContain("<b>2</b><span class=\"sub\">on 1 node</span>");
        page.ShouldNotContain("no worker is alive");
    }

    [Fact]
    public async Task A_node_whose_clock_is_right_names_no_difference()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);

        await panel.ReadAsync("/access/token-health");

        panel.Server.Services.GetRequiredService<ClockDifferences>().Named.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_sign_of_life_is_as_old_for_a_node_with_another_clock_as_it_is()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var behind = new ShiftedClock(TimeSpan.FromMinutes(-10));
        var other = world.AddNode("node-2", shape: services => services.AddSingleton<TimeProvider>(behind));
        await world.Node.GetRequiredService<Heartbeats>().BeatAsync(Heartbeat.Scheduler, TestContext.Current.CancellationToken);

        var seen = await other.GetRequiredService<Heartbeats>().LastAsync(Heartbeat.Scheduler, TestContext.Current.CancellationToken);

        (behind.GetUtcNow() - seen!.Value).ShouldBeInRange(TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(30));
    }
}
