using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class WrongRequestApiTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("application/json; charset=nonsense", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=utf-7", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=\"UTF-8\"", HttpStatusCode.Accepted)]
    public async Task A_body_in_another_charset_than_JSONs_own_is_refused_in_words(string type, HttpStatusCode status)
    {
        using var server = await shared.ProgramAsync("jibit");
        var body = new StringContent("{}");
        body.Headers.Remove("Content-Type");
        body.Headers.TryAddWithoutValidation("Content-Type", type);

        (await server.Http.PostAsync("/api/tokens/refresh", body)).StatusCode.ShouldBe(status);
    }

    [Fact]
    public async Task A_mistake_of_ours_is_a_problem_without_a_trace()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.ExecuteSqlRawAsync("ALTER TABLE token_refresh_logs RENAME TO lost");
        }

        var answer = await server.Http.GetAsync("/api/token-refresh-logs");

        answer.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        (await answer.Content.ReadAsStringAsync()).ShouldSatisfyAllConditions(body => body.ShouldContain("\"code\":\"internal\""), body => body.ShouldNotContain("Npgsql"));
    }

    [Theory]
    [InlineData("GET", "/api/tokens/unknown/access-token", 403, "forbidden")]
    [InlineData("GET", "/api/tokens/jibit-2/access-token", 404, "unknown_token")]
    [InlineData("GET", "/api/tokens/JIBIT/access-token", 403, "forbidden")]
    [InlineData("GET", "/api/tokens/ji%2Fbit/access-token", 403, "forbidden")]
    [InlineData("GET", "/api/tokens/%25/access-token", 403, "forbidden")]
    [InlineData("GET", "/api/tokens/jibit/access-token?min_validity=-1", 400, "invalid_request")]
    [InlineData("GET", "/api/tokens/jibit/access-token?min_validity=1e9", 400, "invalid_request")]
    [InlineData("GET", "/api/tokens/jibit/access-token?min_validity=99999999999", 400, "invalid_request")]
    [InlineData("GET", "/api/tokens/jibit/access-token?min_validity=1&min_validity=2", 400, "invalid_request")]
    [InlineData("GET", "/api/tokens/by-scope/no:such:scope/access-token", 404, "unknown_scope")]
    [InlineData("GET", "/api/nothing", 404, "not_found")]
    [InlineData("DELETE", "/api/tokens", 405, "method_not_allowed")]
    [InlineData("GET", "/api/token-refresh-logs?hours=0", 400, "invalid_request")]
    [InlineData("GET", "/api/token-refresh-logs?limit=1001", 400, "invalid_request")]
    [InlineData("GET", "/api/token-refresh-logs?cursor=x", 400, "invalid_request")]
    [InlineData("GET", "/api/token-refresh-logs?status=fine", 400, "invalid_request")]
    [InlineData("GET", "/api/token-refresh-logs?token=other", 403, "forbidden")]
    [InlineData("GET", "/api/token-refresh-logs?token=jibit%00", 400, "invalid_request")]
    [InlineData("GET", "/API/Nothing", 404, "not_found")]
    [InlineData("GET", "/api/token-refresh-logs/statistics?hours=NaN", 400, "invalid_request")]
    public async Task A_wrong_request_is_a_problem_with_a_stable_code(string method, string path, int status, string code)
    {
        using var server = await shared.ProgramAsync("jibit*");

        var answer = await server.Http.SendAsync(new(new HttpMethod(method), path));

        ((int)answer.StatusCode).ShouldBe(status);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe(code);
    }

    [Theory]
    [InlineData("/api/tokens/jibit/rejected", """{"version":"x"}""", 400)]
    [InlineData("/api/tokens/jibit/rejected", """{}""", 400)]
    [InlineData("/api/tokens/jibit/rejected", """{"version":1,"more":2}""", 400)]
    [InlineData("/api/tokens/jibit/rejected", """{"version":-1}""", 400)]
    [InlineData("/api/tokens/jibit/rejected", """[""", 400)]
    [InlineData("/api/tokens/other/rejected", """{"version":1}""", 403)]
    [InlineData("/api/tokens/refresh", """{"token":"other"}""", 403)]
    [InlineData("/api/tokens/refresh", """{"provider":"nobody"}""", 404)]
    [InlineData("/api/tokens/refresh", """{"force":"yes"}""", 400)]
    [InlineData("/api/tokens/refresh", """{"token":"\u0000"}""", 403)]
    public async Task A_wrong_body_changes_nothing(string path, string body, int status)
    {
        using var server = await shared.ProgramAsync("jibit");

        var answer = await server.Http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));

        ((int)answer.StatusCode).ShouldBe(status);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        server.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_huge_body_and_a_huge_name_are_refused()
    {
        using var server = await shared.ProgramAsync("jibit");

        var body = await server.Http.PostAsync("/api/tokens/refresh", new StringContent(new string('a', 1_000_000), Encoding.UTF8, "application/json"));
        var name = await server.Http.GetAsync($"/api/tokens/{new string('a', 10_000)}/access-token");

        body.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        ((int)name.StatusCode).ShouldBeInRange(400, 499);
    }
}
