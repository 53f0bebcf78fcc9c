using System.Net;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Servers that were given one role alone, as <c>serve --roles web</c> and <c>serve --roles worker</c> are.</summary>
public sealed class RolesTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_web_node_serves_the_panel_and_leaves_every_job_to_the_worker()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = await SettingsAsync(stub, data);
        await using var web = await ServerProcess.ServeAsync(settings, "--roles", "web");
        (await web.Http.GetAsync("/account/login")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var unheard = await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force");
        unheard.ExitCode.ShouldBe(0, unheard.Error);
        unheard.ErrorLines.ShouldHaveSingleItem().ShouldContain("No worker is alive");
        stub.Calls.ShouldBeEmpty();

        await using var worker = await ServerProcess.ServeAsync(settings, "--roles", "worker");
        await web.UntilAsync(async () => (await web.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token fresh");

        var servers = JsonDocument.Parse(await ServerProcess.DoneAsync(settings, "queue status --json")).RootElement.GetProperty("servers").EnumerateArray();
        servers.ShouldHaveSingleItem("the web node has no Hangfire server").ToString().ShouldContain($"{worker.Id}");
    }

    [Fact]
    public async Task A_web_node_without_any_worker_obtains_a_token_when_a_program_reads_it()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = await SettingsAsync(stub, data);
        await using var web = await ServerProcess.ServeAsync(settings, "--roles", "web");
        web.Http.DefaultRequestHeaders.Authorization = new("Bearer", await ServerProcess.DoneAsync(settings, "clients add reader --tokens jibit"));

        await web.UntilAsync(async () => (await web.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token served");

        stub.Calls.ShouldBe(["generate"]);
    }

    [Fact]
    public async Task A_worker_obtains_its_tokens_and_serves_nothing_but_its_health()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = await SettingsAsync(stub, data);
        await using var worker = await ServerProcess.ServeAsync(settings, "--roles", "worker");
        await worker.UntilAsync(async () => (await worker.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token fresh");
        worker.Http.DefaultRequestHeaders.Authorization = new("Bearer", await ServerProcess.DoneAsync(settings, "clients add reader --tokens *"));

        foreach (var path in new[] { "/", "/account/login", "/access/tokens", "/access/token-refresh-logs", "/access/token-health", "/hangfire", "/api/tokens", "/api/tokens/jibit/access-token", "/openapi/v1.json" })
        {
            (await worker.Http.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized, path);
        }

        (await worker.Http.GetAsync("/health/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await worker.Http.GetAsync("/health/ready")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("web", true)]
    [InlineData("worker", false)]
    public async Task Only_a_node_with_the_panel_makes_the_first_administrator(string role, bool makes)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = await SettingsAsync(stub, data);
        await using var server = await ServerProcess.ServeAsync(settings, "--roles", role);

        var users = JsonDocument.Parse(await ServerProcess.DoneAsync(settings, "users list --json")).RootElement;

        server.Out.ShouldContain($"TokenRefresh is running ({role}, Development).");
        users.EnumerateArray().Select(user => user.GetProperty("name").GetString()).ShouldBe(makes ? ["admin"] : []);
    }

    private async Task<Dictionary<string, string>> SettingsAsync(JibitStub stub, DataFolder data) =>
        new(stub.Settings(data, await postgres.CreateMigratedDatabaseAsync())) { ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]) };
}
