using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Vending;
using TokenRefresh.Providers;
using TokenRefresh.Server.Api;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class ApiTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("application/json; charset=nonsense", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=utf-7", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=\"UTF-8\"", HttpStatusCode.Accepted)]
    public async Task A_body_in_another_charset_than_JSONs_own_is_refused_in_words(string type, HttpStatusCode status)
    {
        await using var server = await FreshAsync("jibit");
        var body = new StringContent("{}");
        body.Headers.Remove("Content-Type");
        body.Headers.TryAddWithoutValidation("Content-Type", type);

        (await server.Http.PostAsync("/api/tokens/refresh", body)).StatusCode.ShouldBe(status);
    }

    [Fact]
    public async Task A_program_gets_its_token_with_what_it_needs_to_keep_it()
    {
        await using var server = await FreshAsync("jibit");

        var answer = await server.Http.GetAsync("/api/tokens/jibit/access-token");

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.CacheControl!.Private.ShouldBeTrue();
        answer.Headers.CacheControl.MaxAge!.Value.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        body.EnumerateObject().Select(field => field.Name).ShouldBe(["name", "access_token", "token_type", "expires_at", "expires_in", "version"]);
        body.GetProperty("access_token").GetString().ShouldBe("access-of-jibit-1");
        body.GetProperty("expires_in").GetInt64().ShouldBeInRange(86_000, 86_400);
    }

    [Fact]
    public async Task A_token_stands_in_the_answer_as_it_is_so_that_a_shell_script_can_cut_it_out()
    {
        await using var server = await FreshAsync("jibit");
        await server.Services.GetRequiredService<TokenRefresh.Jobs.Tokens.TokenControls>().ImportAsync(
            "jibit", new("a+b/c=<d>&'e", null, TimeProvider.System.GetUtcNow().AddDays(1)), "a test", default);
        await server.Services.GetRequiredService<VaultFeed>().ReloadAllAsync(CancellationToken.None);

        (await server.Http.GetStringAsync("/api/tokens/jibit/access-token")).ShouldContain(""","access_token":"a+b/c=<d>&'e",""");
    }

    [Fact]
    public async Task An_unchanged_token_is_not_sent_again()
    {
        await using var server = await FreshAsync("jibit");
        var first = await server.Http.GetAsync("/api/tokens/jibit/access-token");

        var again = await server.Http.SendAsync(new(HttpMethod.Get, "/api/tokens/jibit/access-token") { Headers = { IfNoneMatch = { first.Headers.ETag! } } });

        again.StatusCode.ShouldBe(HttpStatusCode.NotModified);
        (await again.Content.ReadAsByteArrayAsync()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("\"other\", {0}", HttpStatusCode.NotModified)]
    [InlineData("W/{0}", HttpStatusCode.NotModified)]
    [InlineData("*", HttpStatusCode.NotModified)]
    [InlineData("\"jibit-0\"", HttpStatusCode.OK)]
    [InlineData("{0}x", HttpStatusCode.OK)]
    public async Task An_etag_is_found_in_a_list_and_where_a_proxy_has_weakened_it(string held, HttpStatusCode status)
    {
        await using var server = await FreshAsync("jibit");
        var tag = (await server.Http.GetAsync("/api/tokens/jibit/access-token")).Headers.ETag!.Tag;
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/tokens/jibit/access-token");
        request.Headers.TryAddWithoutValidation("If-None-Match", held.Replace("{0}", tag, StringComparison.Ordinal));

        (await server.Http.SendAsync(request)).StatusCode.ShouldBe(status);
    }

    [Fact]
    public async Task A_token_that_dies_between_reading_and_sending_is_not_sent()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var (vault, keys) = (world.Node.GetRequiredService<TokenVault>(), world.Node.GetRequiredService<ClientKeys>());
        await vault.ReloadAsync(CancellationToken.None);
        var key = await keys.IssueAsync("program", "*", "a test", CancellationToken.None);
        await keys.ReloadAsync(CancellationToken.None);
        using var access = new ClientAccess(keys, Microsoft.Extensions.Options.Options.Create(new ApiOptions()));
        var api = new AccessTokenApi(
            access, world.Node.GetRequiredService<TokenRefresh.Jobs.Tokens.ConfiguredTokens>(), vault, world.Node.GetRequiredService<ReadCounters>(),
            world.Node.GetRequiredService<TokenRefresh.Jobs.Telemetry.TokenMetrics>(), world.Clock);
        world.Clock.Advance((await world.TokenAsync()).ExpiresAt!.Value - TimeSpan.FromSeconds(1) - world.Clock.GetUtcNow());
        world.Clock.AutoAdvanceAmount = TimeSpan.FromSeconds(2);
        var context = new Microsoft.AspNetCore.Http.DefaultHttpContext { Request = { Headers = { Authorization = $"Bearer {key}" } }, Response = { Body = new MemoryStream() } };

        await api.GetAsync(context, "jibit");

        context.Response.StatusCode.ShouldBe(503);
        Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray()).ShouldContain("\"code\":\"expired\"");
    }

    [Fact]
    public async Task A_scope_that_is_an_address_finds_its_token_and_one_of_two_tokens_is_ambiguous()
    {
        await using var server = await RunningServer.StartAsync(
            postgres, withSandbox: true, settings: [("Tokens:mail:Provider", "jibit"), ("Tokens:mail:Scopes", "https://mail.example.com/.default,both"), ("Tokens:files:Provider", "jibit"), ("Tokens:files:Scopes", "both")]);
        await RunningServer.UntilAsync(async () => (await server.TokenAsync("mail")).Version == 1, "the token is obtained");
        await SignInAsync(server, "mail,files");
        await server.Services.GetRequiredService<VaultFeed>().ReloadAllAsync(CancellationToken.None);

        var mail = await server.Http.GetFromJsonAsync<JsonElement>($"/api/tokens/by-scope/{Uri.EscapeDataString("https://mail.example.com/.default")}/access-token");
        var both = await server.Http.GetAsync("/api/tokens/by-scope/both/access-token");

        mail.GetProperty("name").GetString().ShouldBe("mail");
        both.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await both.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().ShouldBe("Ask for one of them by name: files, mail.");
    }

    [Fact]
    public async Task A_mistake_of_ours_is_a_problem_without_a_trace()
    {
        await using var server = await FreshAsync("jibit");
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.ExecuteSqlRawAsync("ALTER TABLE token_refresh_logs RENAME TO lost");
        }

        var answer = await server.Http.GetAsync("/api/token-refresh-logs");

        answer.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        (await answer.Content.ReadAsStringAsync()).ShouldSatisfyAllConditions(body => body.ShouldContain("\"code\":\"internal\""), body => body.ShouldNotContain("Npgsql"));
    }

    [Fact]
    public async Task What_an_operation_takes_beside_its_body_is_described()
    {
        await using var server = await FreshAsync("jibit");

        var paths = (await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json")).GetProperty("paths");

        Parameters("/api/tokens/{name}/access-token", "get").ShouldBe(["name", "min_validity", "If-None-Match"]);
        Parameters("/api/tokens/refresh", "post").ShouldBe(["Idempotency-Key"]);
        Parameters("/api/token-refresh-logs", "get").ShouldBe(["hours", "provider", "token", "status", "trigger", "cursor", "limit"]);
        var health = paths.GetProperty("/api/tokens/health").GetProperty("get").GetProperty("responses").GetProperty("503").GetProperty("content");
        health.EnumerateObject().Select(type => type.Name).ShouldBe(["application/problem+json", "application/json"], ignoreOrder: true);

        IEnumerable<string> Parameters(string path, string method) => paths.GetProperty(path).GetProperty(method).GetProperty("parameters").EnumerateArray()
            .Select(parameter => parameter.GetProperty("description").GetString()!.Length > 0 ? parameter.GetProperty("name").GetString()! : "");
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
        await using var server = await FreshAsync("jibit*");

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
        await using var server = await FreshAsync("jibit");

        var answer = await server.Http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));

        ((int)answer.StatusCode).ShouldBe(status);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        server.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_refresh_of_a_token_that_cannot_be_called_for_is_refused_with_what_is_missing()
    {
        await using var server = await RunningServer.StartAsync(postgres, withSandbox: true, settings: [("Providers:Finnotech:Enabled", "false")]);
        await SignInAsync(server, "*");

        var answer = await server.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "fino" });

        answer.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("code").GetString().ShouldBe("not_configured");
        problem.GetProperty("detail").GetString().ShouldBe("In the server's settings: provider finnotech is switched off.");
    }

    [Fact]
    public async Task A_huge_body_and_a_huge_name_are_refused()
    {
        await using var server = await FreshAsync("jibit");

        var body = await server.Http.PostAsync("/api/tokens/refresh", new StringContent(new string('a', 1_000_000), Encoding.UTF8, "application/json"));
        var name = await server.Http.GetAsync($"/api/tokens/{new string('a', 10_000)}/access-token");

        body.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        ((int)name.StatusCode).ShouldBeInRange(400, 499);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Bearer ")]
    [InlineData("Bearer trk_")]
    [InlineData("Bearer trk_000000000000_0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("Basic dHJrXw==")]
    public async Task Without_a_good_key_every_address_answers_401(string authorization)
    {
        await using var server = await FreshAsync("jibit");
        server.Http.DefaultRequestHeaders.Remove("Authorization");
        server.Http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);

        foreach (var path in new[] { "/api/tokens", "/api/tokens/jibit/access-token", "/api/tokens/health", "/api/token-refresh-logs", "/api/nothing", "/openapi/v1.json" })
        {
            var answer = await server.Http.GetAsync(path);
            answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, path);
            answer.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer");
        }
    }

    [Theory]
    [InlineData("DELETE", "/api/tokens", "")]
    [InlineData("POST", "/api/tokens/jibit/access-token", "")]
    [InlineData("POST", "/api/tokens/refresh", "[")]
    [InlineData("POST", "/API/tokens/refresh", "[")]
    [InlineData("POST", "/api/tokens/refresh", "huge")]
    [InlineData("POST", "/api/tokens/jibit/rejected", "{}")]
    [InlineData("GET", "/OpenApi/v1.json", "")]
    [InlineData("GET", "/API/tokens/jibit/access-token", "")]
    public async Task A_stranger_gets_401_whatever_it_sends(string method, string path, string body)
    {
        await using var server = await RunningServer.StartAsync(postgres);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body.Length == 0 ? null : new StringContent(body == "huge" ? new string('a', 1_000_000) : body, Encoding.UTF8, "application/json");

        (await server.Http.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_key_of_another_case_or_longer_by_a_character_is_no_key()
    {
        await using var server = await FreshAsync("jibit");
        var key = server.Http.DefaultRequestHeaders.Authorization!.Parameter!;

        foreach (var wrong in new[] { key.ToUpperInvariant(), key + "0", key[..^1], new string('k', 100_000)[..20_000] })
        {
            server.Http.DefaultRequestHeaders.Authorization = new("Bearer", wrong);
            (await server.Http.GetAsync("/api/tokens")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task A_revoked_key_is_refused_at_once_on_a_node_that_others_have_told()
    {
        await using var server = await FreshAsync("jibit");

        await server.Services.GetRequiredService<ClientKeys>().RevokeAsync("program", "a test", CancellationToken.None);

        await RunningServer.UntilAsync(async () => (await server.Http.GetAsync("/api/tokens")).StatusCode == HttpStatusCode.Unauthorized, "the key is refused", seconds: 5);
    }

    [Fact]
    public async Task The_secret_of_a_key_is_not_stored()
    {
        await using var server = await FreshAsync("jibit");
        var secret = server.Http.DefaultRequestHeaders.Authorization!.Parameter!.Split('_')[^1];

        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();

        (await db.Database.SqlQuery<string>($"SELECT schema_to_xml('public', true, false, '')::text AS \"Value\"").SingleAsync()).ShouldNotContain(secret);
    }

    [Fact]
    public async Task With_the_provider_away_and_the_token_dead_the_answer_is_503_with_a_code_and_a_time()
    {
        await using var server = await RunningServer.StartAsync(postgres, provider: new() { Before = ModelProvider.Failing(FailureKind.ProviderDown) });
        await SignInAsync(server, "jibit");

        var answer = await server.Http.GetAsync("/api/tokens/jibit/access-token");

        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThan(TimeSpan.Zero);
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("provider_down");
    }

    [Fact]
    public async Task A_repeated_refresh_with_the_same_idempotency_key_is_answered_the_same_and_done_once()
    {
        await using var server = await FreshAsync("jibit");

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
        await using var server = await FreshAsync("jibit");

        var answer = await server.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "jibit", force });

        var job = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetProperty("jobs")[0].GetProperty("job_id").GetString();
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var entry = await db.Audit.SingleAsync(entry => entry.Action == action);
        (entry.Actor, entry.Subject).ShouldBe(("client:program", "jibit"));
        entry.Details.ShouldContain($"\"{job}\"");
    }

    [Fact]
    public async Task Health_has_the_shape_that_scripts_rely_on_and_is_503_when_unhealthy()
    {
        await using var server = await FreshAsync("jibit");
        var well = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/health");
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            await db.Database.ExecuteSqlRawAsync("UPDATE tokens SET expires_at = now() - interval '1 hour'");
        }

        var ill = await server.Http.GetAsync("/api/tokens/health");

        well.GetProperty("data").GetProperty("overall_health").GetString().ShouldBe("healthy");
        well.GetProperty("data").GetProperty("providers").GetProperty("jibit").EnumerateObject().Select(field => field.Name)
            .ShouldBe(["exists", "active", "access_token_expired", "refresh_token_expired", "needs_refresh", "expires_at", "refresh_expires_at", "last_used_at", "state"]);
        ill.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await ill.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data").GetProperty("overall_health").GetString().ShouldBe("unhealthy");
    }

    [Fact]
    public async Task Statistics_have_the_names_of_the_contract_and_logs_page_by_cursor()
    {
        await using var server = await FreshAsync("jibit");

        var figures = await server.Http.GetFromJsonAsync<JsonElement>("/api/token-refresh-logs/statistics");
        var page = await server.Http.GetFromJsonAsync<JsonElement>("/api/token-refresh-logs?limit=1");
        var next = await server.Http.GetFromJsonAsync<JsonElement>($"/api/token-refresh-logs?limit=1&cursor={page.GetProperty("next_cursor").GetInt64()}");

        figures.EnumerateObject().Select(field => field.Name).ShouldBe(
            ["total_attempts", "successful_attempts", "failed_attempts", "skipped_attempts", "automatic_attempts", "manual_attempts", "forced_attempts", "success_rate", "avg_duration_ms", "p95_duration_ms"]);
        page.GetProperty("data").GetArrayLength().ShouldBe(1);
        next.GetProperty("data").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task The_description_holds_every_address_and_needs_a_key()
    {
        await using var server = await FreshAsync("jibit");

        var paths = (await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json")).GetProperty("paths").EnumerateObject().Select(path => path.Name);

        paths.Order().ShouldBe(new[]
        {
            "/api/tokens/{name}/access-token", "/api/tokens/by-scope/{scope}/access-token", "/api/tokens/{name}/rejected", "/api/tokens", "/api/tokens/health",
            "/api/tokens/needs-refresh", "/api/tokens/refresh", "/api/token-refresh-logs", "/api/token-refresh-logs/statistics",
        }.Order());
    }

    [Fact]
    public async Task Every_operation_is_described_with_an_example_of_its_answer_and_of_each_error()
    {
        await using var server = await FreshAsync("jibit");

        var description = await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json");

        foreach (var operation in description.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Select(operation => operation.Value))
        {
            var id = operation.GetProperty("operationId").GetString();
            foreach (var response in operation.GetProperty("responses").EnumerateObject().Where(response => response.Name[0] is '4' or '5'))
            {
                response.Value.GetProperty("content").GetProperty("application/problem+json").GetProperty("examples").EnumerateObject()
                    .ShouldAllBe(example => example.Value.GetProperty("value").GetProperty("code").GetString() == example.Name && $"{example.Value.GetProperty("value").GetProperty("status")}" == response.Name, id);
            }

            operation.GetProperty("responses").EnumerateObject().Select(response => response.Name).ShouldContain("429", id);
        }

        var served = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/jibit/access-token");
        description.GetProperty("paths").GetProperty("/api/tokens/{name}/access-token").GetProperty("get").GetProperty("responses").GetProperty("200")
            .GetProperty("content").GetProperty("application/json").GetProperty("example").EnumerateObject().Select(field => field.Name)
            .ShouldBe(served.EnumerateObject().Select(field => field.Name));
    }

    [Theory]
    [InlineData("/api/tokens", "ListTokens")]
    [InlineData("/api/tokens/health", "TokenHealth")]
    [InlineData("/api/token-refresh-logs", "ListAttempts")]
    [InlineData("/api/token-refresh-logs/statistics", "AttemptStatistics")]
    public async Task The_examples_have_the_fields_of_the_answers(string path, string operation)
    {
        await using var server = await FreshAsync("jibit");

        var answer = await server.Http.GetFromJsonAsync<JsonElement>(path);
        var example = (await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json")).GetProperty("paths").EnumerateObject()
            .Select(each => each.Value.EnumerateObject().First().Value).Single(each => each.GetProperty("operationId").GetString() == operation)
            .GetProperty("responses").GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("example");

        Fields(example).ShouldBe(Fields(answer));

        // An attempt's metadata differ from one to the other.
        static string Fields(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Object => $"{{{string.Join(',', value.EnumerateObject().Select(field => field.Name == "metadata" ? field.Name : $"{field.Name}{Fields(field.Value)}"))}}}",
            JsonValueKind.Array when value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Object => $"[{Fields(value[0])}]",
            _ => "",
        };
    }

    [Fact]
    public async Task Reads_are_counted_to_the_last_use_and_to_the_audit_which_nobody_can_change()
    {
        await using var server = await FreshAsync("jibit");
        for (var read = 0; read < 3; read++)
        {
            await server.Http.GetAsync("/api/tokens/jibit/access-token");
        }

        await server.Services.GetRequiredService<ReadCounters>().FlushAsync(CancellationToken.None);

        (await server.TokenAsync()).LastUsedAt.ShouldNotBeNull();
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var entry = await db.Audit.SingleAsync(entry => entry.Action == "token.read");
        (entry.Actor, entry.Subject).ShouldBe(("client:program", "jibit"));
        entry.Details.ShouldContain("3");
        (await Should.ThrowAsync<Npgsql.PostgresException>(() => db.Audit.ExecuteDeleteAsync())).MessageText.ShouldContain("new rows only");
    }

    [Fact]
    public async Task A_client_that_asks_too_often_is_told_when_to_come_again()
    {
        await using var server = await FreshAsync("jibit", ("Api:ReadsPerSecond", "1"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => server.Http.GetAsync("/api/tokens/jibit/access-token")));

        answers.ShouldContain(answer => answer.StatusCode == HttpStatusCode.TooManyRequests && answer.Headers.RetryAfter != null);
    }

    private async Task<RunningServer> FreshAsync(string patterns, params (string, string)[] settings)
    {
        var server = await RunningServer.StartAsync(postgres, settings: settings);
        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version == 1, "the token is obtained");
        await SignInAsync(server, patterns);
        await server.Services.GetRequiredService<VaultFeed>().ReloadAllAsync(CancellationToken.None);
        return server;
    }

    private static async Task SignInAsync(RunningServer server, string patterns)
    {
        var key = await server.Services.GetRequiredService<ClientKeys>().IssueAsync("program", patterns, "a test", CancellationToken.None);
        await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(CancellationToken.None);
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }
}
