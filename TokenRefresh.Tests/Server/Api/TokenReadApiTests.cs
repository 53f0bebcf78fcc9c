using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Providers;
using TokenRefresh.Server.Api;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class TokenReadApiTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task A_program_gets_its_token_with_what_it_needs_to_keep_it()
    {
        using var server = await shared.ProgramAsync("jibit");

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
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        await server.Services.GetRequiredService<TokenRefresh.Jobs.Administration.TokenControls>().ImportAsync(
            "jibit", new("a+b/c=<d>&'e", null, TimeProvider.System.GetUtcNow().AddDays(1)), "a test", default);
        await server.Services.GetRequiredService<TokenChangeListener>().ReloadAllAsync(CancellationToken.None);

        (await server.Http.GetStringAsync("/api/tokens/jibit/access-token")).ShouldContain(""","access_token":"a+b/c=<d>&'e",""");
    }

    [Fact]
    public async Task An_unchanged_token_is_not_sent_again()
    {
        using var server = await shared.ProgramAsync("jibit");
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
        using var server = await shared.ProgramAsync("jibit");
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
        var (vault, keys) = (world.Node.GetRequiredService<TokenCache>(), world.Node.GetRequiredService<ClientKeys>());
        await vault.ReloadAsync(CancellationToken.None);
        var key = await keys.IssueAsync("program", "*", "a test", CancellationToken.None);
        await keys.ReloadAsync(CancellationToken.None);
        using var access = new ClientAccess(keys, Microsoft.Extensions.Options.Options.Create(new ApiOptions()));
        var api = new AccessTokenApi(
            access, world.Node.GetRequiredService<TokensByScope>(), vault, world.Node.GetRequiredService<ReadCounters>(),
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
        await ApiServer.SignInAsync(server, "mail,files");
        await server.Services.GetRequiredService<TokenChangeListener>().ReloadAllAsync(CancellationToken.None);

        var mail = await server.Http.GetFromJsonAsync<JsonElement>($"/api/tokens/by-scope/{Uri.EscapeDataString("https://mail.example.com/.default")}/access-token");
        var both = await server.Http.GetAsync("/api/tokens/by-scope/both/access-token");

        mail.GetProperty("name").GetString().ShouldBe("mail");
        both.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await both.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().ShouldBe("Request one of them by name: files, mail.");
    }

    [Fact]
    public async Task A_valid_token_whose_refresh_failed_is_served_with_the_reason()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        server.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await server.Services.GetRequiredService<TokenRefresh.Jobs.Refreshing.TokenRefresher>().RefreshAsync(new("jibit", TokenRefresh.Jobs.Tokens.RefreshTrigger.Forced, "a test"), default);
        await server.Services.GetRequiredService<TokenChangeListener>().ReloadAllAsync(CancellationToken.None);

        var body = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/jibit/access-token");

        body.EnumerateObject().Select(field => field.Name).ShouldBe(["name", "access_token", "token_type", "expires_at", "expires_in", "version", "stale_reason"]);
        body.GetProperty("stale_reason").GetString().ShouldBe("provider_down");
    }

    [Fact]
    public async Task With_the_provider_away_and_the_token_dead_the_answer_is_503_with_a_code_and_a_time()
    {
        await using var server = await RunningServer.StartAsync(postgres, provider: new() { Before = ModelProvider.Failing(FailureKind.ProviderDown) });
        await ApiServer.SignInAsync(server, "jibit");

        var answer = await server.Http.GetAsync("/api/tokens/jibit/access-token");

        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThan(TimeSpan.Zero);
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("provider_down");
    }

    [Fact]
    public async Task Reads_are_counted_to_the_last_use_and_to_the_hour_and_the_audit_cannot_be_changed()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");
        for (var read = 0; read < 3; read++)
        {
            await server.Http.GetAsync("/api/tokens/jibit/access-token");
        }

        await server.Services.GetRequiredService<ReadCounters>().FlushAsync(CancellationToken.None);

        (await server.TokenAsync()).LastUsedAt.ShouldNotBeNull();
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        var row = await db.Set<ClientRead>().SingleAsync();
        (row.Client, row.TokenName, row.Reads).ShouldBe(("client:program", "jibit", 3));
        (await db.ClientKeys.SingleAsync()).LastUsedAt.ShouldNotBeNull();
        (await Should.ThrowAsync<Npgsql.PostgresException>(() => db.Audit.ExecuteDeleteAsync())).MessageText.ShouldContain("new rows only");
    }

    [Fact]
    public async Task A_client_that_asks_too_often_is_told_when_to_come_again()
    {
        await using var server = await ApiServer.FreshAsync(postgres, "jibit", ("Api:ReadsPerSecond", "1"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => server.Http.GetAsync("/api/tokens/jibit/access-token")));

        answers.ShouldContain(answer => answer.StatusCode == HttpStatusCode.TooManyRequests && answer.Headers.RetryAfter != null);
    }
}
