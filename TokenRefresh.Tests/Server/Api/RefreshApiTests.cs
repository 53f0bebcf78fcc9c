using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class RefreshApiTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_refresh_of_a_token_that_cannot_be_called_for_is_refused_with_what_is_missing()
    {
        await using var server = await RunningServer.StartAsync(postgres, withSandbox: true, settings: [("Providers:Finnotech:Enabled", "false")]);
        await ApiServer.SignInAsync(server, "*");

        var answer = await server.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "fino" });

        answer.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("code").GetString().ShouldBe("not_configured");
        problem.GetProperty("detail").GetString().ShouldBe("In the server's settings: provider finnotech is switched off.");
    }

    [Fact]
    public async Task A_repeated_refresh_with_the_same_idempotency_key_is_answered_the_same_and_done_once()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");

        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/tokens/refresh") { Content = JsonContent.Create(new { token = "jibit", force = true }), Headers = { { "Idempotency-Key", "once" } } };
            return await (await server.Http.SendAsync(request)).Content.ReadAsStringAsync();
        }));
        using var other = new HttpRequestMessage(HttpMethod.Post, "/api/tokens/refresh") { Content = JsonContent.Create(new { }), Headers = { { "Idempotency-Key", "once" } } };

        answers.Distinct().ShouldHaveSingleItem().ShouldContain("job_id");
        (await server.Http.SendAsync(other)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version == 2, "the refresh is done");
        server.Provider.Calls.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(false, "token.refresh_asked")]
    [InlineData(true, "token.refresh_forced")]
    public async Task A_program_that_orders_a_refresh_is_in_the_audit_with_its_job(bool force, string action)
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");

        var answer = await server.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "jibit", force });

        var job = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetProperty("jobs")[0].GetProperty("job_id").GetString();
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var entry = await db.Audit.SingleAsync(entry => entry.Action == action);
        (entry.Actor, entry.Subject).ShouldBe(("client:program", "jibit"));
        entry.Details.ShouldContain($"\"{job}\"");
    }
}
