using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class ReportApiTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task Health_has_the_shape_that_scripts_rely_on_and_is_503_when_unhealthy()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        var well = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/health");
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.ExecuteSqlRawAsync("UPDATE tokens SET expires_at = now() - interval '1 hour'");
        }

        var ill = await server.Http.GetAsync("/api/tokens/health");

        well.EnumerateObject().Select(field => field.Name).ShouldBe(["status", "data"]);
        well.GetProperty("status").GetString().ShouldBe("success");
        well.GetProperty("data").EnumerateObject().Select(field => field.Name).ShouldBe(["overall_health", "healthy_providers", "total_providers", "providers", "checked_at", "status", "reasons", "freshness"]);
        (well.GetProperty("data").GetProperty("healthy_providers").GetInt32(), well.GetProperty("data").GetProperty("total_providers").GetInt32()).ShouldBe((1, 1));
        well.GetProperty("data").GetProperty("overall_health").GetString().ShouldBe("healthy");
        well.GetProperty("data").GetProperty("providers").GetProperty("jibit").EnumerateObject().Select(field => field.Name)
            .ShouldBe(["exists", "active", "access_token_expired", "refresh_token_expired", "needs_refresh", "expires_at", "refresh_expires_at", "last_used_at", "state", "status"]);
        ill.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await ill.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetProperty("overall_health").GetString().ShouldBe("unhealthy");
    }

    [Fact]
    public async Task What_is_due_is_listed_with_its_number()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        var before = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/needs-refresh");
        await server.ExecuteAsync("UPDATE tokens SET expires_at = now() - interval '1 hour', next_attempt_at = now() + interval '1 hour', last_error_code = 'provider_down'");

        var after = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/needs-refresh");

        before.GetProperty("data").GetProperty("count").GetInt32().ShouldBe(0);
        after.GetProperty("data").EnumerateObject().Select(field => field.Name).ShouldBe(["tokens_needing_refresh", "count", "checked_at"]);
        after.GetProperty("data").GetProperty("count").GetInt32().ShouldBe(1);
        after.GetProperty("data").GetProperty("tokens_needing_refresh")[0].GetProperty("name").GetString().ShouldBe("jibit");
    }

    [Fact]
    public async Task Statistics_have_the_names_of_the_contract_and_logs_page_by_cursor()
    {
        using var server = await shared.ProgramAsync("jibit");

        var figures = await server.Http.GetFromJsonAsync<JsonElement>("/api/token-refresh-logs/statistics");
        var page = await server.Http.GetFromJsonAsync<JsonElement>("/api/token-refresh-logs?limit=1");
        var next = await server.Http.GetFromJsonAsync<JsonElement>($"/api/token-refresh-logs?limit=1&cursor={page.GetProperty("next_cursor").GetInt64()}");

        figures.EnumerateObject().Select(field => field.Name).ShouldBe(
            ["total_attempts", "successful_attempts", "failed_attempts", "skipped_attempts", "automatic_attempts", "manual_attempts", "forced_attempts", "success_rate", "avg_duration_ms", "p95_duration_ms"]);
        page.GetProperty("data").GetArrayLength().ShouldBe(1);
        next.GetProperty("data").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Attempts_of_a_token_that_left_the_settings_are_shown_to_a_key_that_might_read_it()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "*");
        await server.ExecuteAsync("UPDATE token_refresh_logs SET token_name = 'old'");

        var page = await server.Http.GetFromJsonAsync<JsonElement>("/api/token-refresh-logs?token=old");

        page.GetProperty("data").GetArrayLength().ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("?hours=24&provider=&token=&status=&trigger=&cursor=&limit=")]
    [InlineData("/statistics?hours=&provider=")]
    public async Task What_a_form_left_blank_is_as_if_it_was_not_sent(string query)
    {
        using var server = await shared.ProgramAsync("jibit");

        (await server.Http.GetStringAsync($"/api/token-refresh-logs{query}")).ShouldBe(await server.Http.GetStringAsync($"/api/token-refresh-logs{query.Split('?')[0]}"));
    }
}
