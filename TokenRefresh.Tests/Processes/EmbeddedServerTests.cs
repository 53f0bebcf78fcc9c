using System.Net;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>The program as a newcomer starts it: nothing configured, its own Postgres, stand-in providers.</summary>
public sealed class EmbeddedServerTests
{
    [Fact]
    public async Task A_first_start_makes_ten_tokens_fresh_and_an_interrupt_leaves_no_postgres_and_a_kill_loses_nothing()
    {
        await using var data = new DataFolder();
        var settings = new Dictionary<string, string> { ["ASPNETCORE_ENVIRONMENT"] = "Development", ["Data__Directory"] = data.Path };
        string before;
        await using (var first = await ServerProcess.ServeAloneAsync(settings))
        {
            await BecomesFreshAsync(first);
            var health = await ServerProcess.RunAsync(settings, "tokens", "health", "--json");
            health.ExitCode.ShouldBe(0, health.Error);
            before = Expiries(health.Out);
            JsonDocument.Parse(health.Out).RootElement.GetArrayLength().ShouldBe(10);
            FileWatches(first.Id).ShouldBe(0, "Linux gives a user 128, and a machine may run many programs");

            health.Error.ShouldContain("No one can be notified: neither a recipient nor a webhook is configured.");
            (await ServerProcess.RunAsync(settings, "notify", "test", "--to", "ops@example.com")).ExitCode.ShouldBe(1, "without a mail server it is a file, and no one is notified");
            Directory.GetFiles(Path.Combine(data.Path, "mail")).ShouldNotBeEmpty();
            FileModes.OpenBelow(data.Path).ShouldBeEmpty("keys, mails and the cluster are for this user alone");

            var end = await first.StopAsync();
            end.ExitCode.ShouldBe(0, end.Error);
            data.PostgresProcesses().ShouldBeEmpty();
        }

        await using (var second = await ServerProcess.ServeAloneAsync(settings))
        {
            await BecomesFreshAsync(second);
            second.Signal("KILL");
            await second.EndAsync();
            data.PostgresProcesses().ShouldNotBeEmpty("the cluster outlives a killed server");
        }

        await using var third = await ServerProcess.ServeAloneAsync(settings);
        await BecomesFreshAsync(third);
        Expiries((await ServerProcess.RunAsync(settings, "tokens", "health", "--json")).Out).ShouldBe(before);
        (await third.StopAsync()).ExitCode.ShouldBe(0);
        data.PostgresProcesses().ShouldBeEmpty("the start after the kill had joined the cluster and left it last");
    }

    private static Task BecomesFreshAsync(ServerProcess server) =>
        server.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).StatusCode == HttpStatusCode.OK, "every token fresh");

    private static int FileWatches(int processId) => Directory.Exists("/proc")
        ? Directory.EnumerateFiles($"/proc/{processId}/fd").Count(file => new FileInfo(file).LinkTarget?.Contains("inotify", StringComparison.Ordinal) == true)
        : 0;

    private static string Expiries(string json) => string.Join(' ', JsonDocument.Parse(json).RootElement.EnumerateArray()
        .Select(token => $"{token.GetProperty("name")}={token.GetProperty("expires_at")}").Order(StringComparer.Ordinal));
}
