using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Api;
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

    [Fact]
    public async Task Many_orders_at_once_do_not_wait_for_each_others_connections()
    {
        await using var server = await RunningServer.StartAsync(postgres, $"{await postgres.CreateMigratedDatabaseAsync()};Maximum Pool Size=6");
        await ApiServer.SignInAsync(server, "jibit");

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => server.Http.SendAsync(
            new(HttpMethod.Post, "/api/tokens/refresh") { Content = JsonContent.Create(new { token = "jibit" }), Headers = { { "Idempotency-Key", $"{number}" } } })));

        answers.Select(answer => answer.StatusCode).ShouldAllBe(status => status == HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task An_order_whose_program_hung_up_is_not_carried_out_again_when_it_is_repeated()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        var client = new Client(await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContext().ClientKeys.SingleAsync());
        var orders = new TokensApi.RepeatedRequests(server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>(), TimeProvider.System);
        var context = new DefaultHttpContext { Request = { Headers = { ["Idempotency-Key"] = "once" } } };
        using var hangsUp = new CancellationTokenSource();
        var carriedOut = 0;

        for (var time = 0; time < 2; time++)
        {
            await orders.AnswerAsync(context, client, "{}", Act, time == 0 ? hangsUp.Token : CancellationToken.None);
        }

        carriedOut.ShouldBe(1);

        async Task<object> Act(TokenRefreshDbContext db)
        {
            await hangsUp.CancelAsync();
            return ++carriedOut;
        }
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
