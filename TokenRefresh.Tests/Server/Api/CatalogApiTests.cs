using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Server.Api;

/// <summary>Providers and tokens come, change and go while two nodes run.</summary>
public sealed class CatalogApiTests(PostgresFixture postgres)
{
    private const string Secret = "planted-client-secret-of-acme", Next = "planted-client-secret-of-june";

    [Fact]
    public async Task What_is_added_at_one_node_is_served_at_the_other_within_a_second_and_a_rotated_secret_fails_no_read()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, acme);

        await two.AddAsync(acme);
        var served = await two.Second.GetAsync("/api/tokens/acme-orders/access-token");

        served.StatusCode.ShouldBe(HttpStatusCode.OK, await served.Content.ReadAsStringAsync());
        (await Json(served)).GetProperty("access_token").GetString()!.ShouldStartWith("issued-");

        acme.Accepted = Next;
        var rotated = await two.First.PatchAsJsonAsync("/api/providers/acme", new { settings = new { ClientSecret = Next } });
        rotated.StatusCode.ShouldBe(HttpStatusCode.OK, await rotated.Content.ReadAsStringAsync());
        await two.First.PostAsJsonAsync("/api/tokens/refresh", new { token = "acme-orders", force = true });
        await RunningServer.UntilAsync(async () =>
        {
            var read = await two.Second.GetAsync("/api/tokens/acme-orders/access-token");
            read.StatusCode.ShouldBe(HttpStatusCode.OK);
            return (await Json(read)).GetProperty("version").GetInt64() > 1;
        }, "the second node serves what was issued for the new secret");

        (await two.First.DeleteAsync(new Uri("/api/providers/acme", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await two.First.DeleteAsync(new Uri("/api/tokens/acme-orders", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await two.First.DeleteAsync(new Uri("/api/providers/acme", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await RunningServer.UntilAsync(async () => (await two.Second.GetAsync("/api/tokens/acme-orders/access-token")).StatusCode == HttpStatusCode.NotFound, "the second node serves it no more");
        (await two.AuditAsync()).ShouldBe(["provider.added", "token.added", "provider.changed", "token.removed", "provider.removed"]);
        (await two.Everything()).ShouldNotContain(Secret);
    }

    [Fact]
    public async Task A_token_that_was_removed_and_added_again_goes_on_counting_and_serves_nothing_of_the_old_one()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, acme);
        await two.AddAsync(acme);
        var old = await Json(await two.Second.GetAsync("/api/tokens/acme-orders/access-token"));

        (await two.First.DeleteAsync(new Uri("/api/tokens/acme-orders", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await RunningServer.UntilAsync(async () => (await two.Second.GetAsync("/api/tokens/acme-orders/access-token")).StatusCode == HttpStatusCode.NotFound, "the second node has heard of it");
        await two.AddTokenAsync();
        var next = await Json(await two.Second.GetAsync("/api/tokens/acme-orders/access-token"));

        next.GetProperty("version").GetInt64().ShouldBeGreaterThan(old.GetProperty("version").GetInt64());
        next.GetProperty("access_token").GetString().ShouldNotBe(old.GetProperty("access_token").GetString());
        (await two.AuditAsync()).ShouldNotContain("token.restored");
    }

    [Theory]
    [InlineData("{}", "type must be one of")]
    [InlineData("""{"type":"OAuth2","settings":{"TokenUrl":"nowhere"}}""", "TokenUrl is not allowed")]
    [InlineData("""{"type":"OAuth2","settings":{"Nonsense":"planted-secret-in-the-wrong-field"}}""", "Nonsense is not a setting")]
    [InlineData("""{"type":"OAuth2","settings":{"TokenUrl":"https://login.example/token","ClientId":"ours"}}""", "Missing: ClientSecret")]
    [InlineData("""{"type":"OAuth2","settings":{"TokenUrl":"https://login.example/token","Timeout":"planted-secret-in-the-wrong-field"}}""", "Timeout is not allowed")]
    public async Task A_provider_with_wrong_settings_is_refused_in_words_that_repeat_no_value_and_nothing_is_stored(string body, string words)
    {
        await using var two = await TwoNodes.StartAsync(postgres, null);

        using var content = new StringContent(body, new MediaTypeHeaderValue("application/json"));
        var refused = await two.First.PutAsync(new Uri("/api/providers/acme", UriKind.Relative), content);

        var told = await refused.Content.ReadAsStringAsync();
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest, told);
        told.ShouldContain(words);
        told.ShouldNotContain("planted");
        (await two.First.GetAsync("/api/providers/acme")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await two.AuditAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_provider_that_issues_no_token_is_stored_only_untested_and_the_audit_says_so()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        acme.Accepted = "another secret";
        await using var two = await TwoNodes.StartAsync(postgres, acme);

        var refused = await two.First.PutAsJsonAsync("/api/providers/acme", TwoNodes.Provider(acme));
        var stored = await two.First.PutAsJsonAsync("/api/providers/acme?untested=true", TwoNodes.Provider(acme));

        refused.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await refused.Content.ReadAsStringAsync()).ShouldContain("refused_by_provider");
        stored.StatusCode.ShouldBe(HttpStatusCode.Created, await stored.Content.ReadAsStringAsync());
        (await two.Everything()).ShouldContain("\"untested\": true");
    }

    [Fact]
    public async Task An_address_in_the_servers_own_network_is_refused_unless_a_setting_allows_it()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, null);

        var refused = await two.First.PutAsJsonAsync("/api/providers/acme", TwoNodes.Provider(acme));

        refused.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await refused.Content.ReadAsStringAsync()).ShouldContain("TokenRefresh__Http__AllowedAddresses");
        acme.Calls.ShouldBe(0);
    }

    [Fact]
    public async Task A_next_secret_is_taken_when_the_present_one_is_refused_said_on_every_node_and_made_the_present_one_with_one_call()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, acme);
        await two.AddAsync(acme);
        (await two.First.PostAsync(new Uri("/api/providers/acme/promote", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.BadRequest, "there is none");
        (await two.First.PatchAsJsonAsync("/api/providers/acme", new { settings = new { NextClientSecret = Next } })).EnsureSuccessStatusCode();
        (await two.NoticesAsync()).ShouldBeEmpty("the present one is taken");

        acme.Accepted = Next;
        await two.First.PostAsJsonAsync("/api/tokens/refresh", new { token = "acme-orders", force = true });
        await RunningServer.UntilAsync(async () => (await two.NoticesAsync()).Count > 0, "the next one is taken");
        (await two.NoticesAsync()).ShouldBe(["acme: the present credential is refused, the next one is in use"]);
        (await two.Everything()).ShouldContain("Refreshed with NextClientSecret of provider acme");

        acme.Accepted = "another secret";
        (await two.First.PostAsync(new Uri("/api/providers/acme/promote", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity, "it is tried first");
        acme.Accepted = Next;
        var promoted = await two.First.PostAsync(new Uri("/api/providers/acme/promote", UriKind.Relative), null);

        promoted.StatusCode.ShouldBe(HttpStatusCode.OK, await promoted.Content.ReadAsStringAsync());
        (await promoted.Content.ReadAsStringAsync()).ShouldContain("\"setting\":\"ClientSecret\",\"is_set\":true,\"last_characters\":\"june\"");
        (await promoted.Content.ReadAsStringAsync()).ShouldNotContain("NextClientSecret");
        await RunningServer.UntilAsync(async () => (await two.NoticesAsync()).Count == 0, "the second node has it, too");
        (await two.AuditAsync()).ShouldBe(["provider.added", "token.added", "provider.changed", "provider.promoted"]);
        (await two.Everything()).ShouldNotContain(Next);
        (await two.First.PostAsync(new Uri("/api/providers/jibit/promote", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.Conflict, "the settings declare it");
    }

    [Fact]
    public async Task An_issuer_fills_the_token_address_what_is_given_wins_and_a_wrong_one_stores_nothing()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, acme);
        var (address, credentials) = (acme.TokenUrl[..^"/token".Length], new { ClientId = "ours", ClientSecret = Secret });

        var wrong = await two.First.PutAsJsonAsync("/api/providers/acme", new { type = "OAuth2", settings = new { issuer = $"{address}/other", credentials.ClientId, credentials.ClientSecret } });
        wrong.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await wrong.Content.ReadAsStringAsync()).ShouldContain("of another issuer");
        (await two.First.GetAsync("/api/providers/acme")).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        var added = await two.First.PutAsJsonAsync("/api/providers/acme", new { type = "OAuth2", settings = new { issuer = address, credentials.ClientId, credentials.ClientSecret } });
        added.StatusCode.ShouldBe(HttpStatusCode.Created, await added.Content.ReadAsStringAsync());
        var settings = (await Json(added)).GetProperty("settings");
        (settings.GetProperty("Issuer").GetString(), settings.GetProperty("TokenUrl").GetString(), settings.GetProperty("ClientAuthentication").GetString()).ShouldBe((address, acme.TokenUrl, "Body"));

        var given = await two.First.PutAsJsonAsync("/api/providers/own?untested=true", new { type = "OAuth2", settings = new { issuer = address, TokenUrl = "https://own.example/token", credentials.ClientId, credentials.ClientSecret } });
        (await Json(given)).GetProperty("settings").GetProperty("TokenUrl").GetString().ShouldBe("https://own.example/token");
    }

    [Fact]
    public async Task A_secret_is_written_and_never_read_back()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, acme);
        await two.AddAsync(acme);

        var read = await (await two.Second.GetAsync("/api/providers/acme")).Content.ReadAsStringAsync();

        read.ShouldNotContain(Secret);
        read.ShouldContain("\"last_characters\":\"acme\"");
        (await two.Everything()).ShouldNotContain(Secret);
    }

    [Fact]
    public async Task Of_two_changes_of_one_version_the_second_is_refused()
    {
        await using var acme = await AuthorizationServer.StartAsync();
        await using var two = await TwoNodes.StartAsync(postgres, acme);
        await two.AddAsync(acme);
        foreach (var (address, change) in new[] { ("/api/providers/acme", (object)new { settings = new { Timeout = "00:00:20" } }), ("/api/tokens/acme-orders", new { labels = new { team = "billing" } }) })
        {
            var tag = (await two.First.GetAsync(address)).Headers.ETag!;

            var first = await Patch(two.First, address, change, tag);
            var second = await Patch(two.Second, address, change, tag);

            first.StatusCode.ShouldBe(HttpStatusCode.OK, await first.Content.ReadAsStringAsync());
            second.StatusCode.ShouldBe(HttpStatusCode.PreconditionFailed);
        }
    }

    [Fact]
    public async Task What_the_settings_declare_is_shown_and_cannot_be_changed()
    {
        await using var two = await TwoNodes.StartAsync(postgres, null);

        (await Json(await two.First.GetAsync("/api/providers/jibit"))).GetProperty("origin").GetString().ShouldBe("declared");
        (await Json(await two.First.GetAsync("/api/tokens/jibit"))).GetProperty("origin").GetString().ShouldBe("declared");
        foreach (var answer in new[]
        {
            await two.First.PatchAsJsonAsync("/api/providers/jibit", new { settings = new { ApiKey = "x" } }), await two.First.DeleteAsync(new Uri("/api/providers/jibit", UriKind.Relative)),
            await two.First.PatchAsJsonAsync("/api/tokens/jibit", new { labels = new { a = "b" } }), await two.First.DeleteAsync(new Uri("/api/tokens/jibit", UriKind.Relative)),
        })
        {
            answer.StatusCode.ShouldBe(HttpStatusCode.Conflict);
            (await answer.Content.ReadAsStringAsync()).ShouldContain("__jibit__");
        }
    }

    [Theory]
    [InlineData("""{"name":"A B","provider":"jibit"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"JIBIT","provider":"jibit"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"jibit","provider":"jibit"}""", HttpStatusCode.Conflict)]
    [InlineData("""{"name":"new","provider":"nobody"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"new","provider":"jibit","scopes":["a b"]}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"new","provider":"jibit","grant":"7"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"new","provider":"jibit","labels":{"Team":"a","team":"b"}}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"new","provider":"jibit","nonsense":1}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"name":"new","provider":"jibit","scopes":"text"}""", HttpStatusCode.BadRequest)]
    public async Task A_token_that_cannot_be_is_refused_and_nothing_is_stored(string body, HttpStatusCode status)
    {
        await using var two = await TwoNodes.StartAsync(postgres, null);

        using var content = new StringContent(body, new MediaTypeHeaderValue("application/json"));
        var refused = await two.First.PostAsync(new Uri("/api/tokens", UriKind.Relative), content);

        refused.StatusCode.ShouldBe(status, await refused.Content.ReadAsStringAsync());
        (await two.AuditAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_key_without_the_act_changes_nothing_and_one_for_some_tokens_changes_only_those()
    {
        await using var two = await TwoNodes.StartAsync(postgres, null, patterns: "acme-*");
        using var reader = await two.ProgramAsync("reader", "*", ClientActs.Usual);

        foreach (var (http, name, status) in new[] { (reader, "acme-orders", HttpStatusCode.Forbidden), (two.First, "other", HttpStatusCode.Forbidden), (two.First, "acme-orders", HttpStatusCode.Created) })
        {
            (await http.PostAsJsonAsync("/api/tokens?untested=true", new { name, provider = "jibit" })).StatusCode.ShouldBe(status, name);
        }

        (await two.First.PutAsJsonAsync("/api/providers/acme", new { type = "OAuth2" })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private static async Task<HttpResponseMessage> Patch(HttpClient http, string address, object change, EntityTagHeaderValue tag)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, address) { Content = JsonContent.Create(change) };
        request.Headers.IfMatch.Add(tag);
        return await http.SendAsync(request);
    }

    private static async Task<JsonElement> Json(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<JsonElement>()).Clone();

    /// <summary>A token endpoint that takes one secret.</summary>
    internal sealed class AuthorizationServer(LoopbackServer server) : IAsyncDisposable
    {
        private int calls;

        public string Accepted { get; set; } = Secret;

        public int Calls => calls;

        public string TokenUrl => $"{server.Address}/token";

        public static async Task<AuthorizationServer> StartAsync()
        {
            AuthorizationServer self = null!;
            self = new(await LoopbackServer.StartAsync(http => self.AnswerAsync(http)));
            return self;
        }

        public ValueTask DisposeAsync() => server.DisposeAsync();

        private async Task AnswerAsync(HttpContext http)
        {
            if (http.Request.Path.Value!.Contains("/.well-known/", StringComparison.Ordinal))
            {
                await http.Response.WriteAsJsonAsync(new { issuer = TokenUrl[..^"/token".Length], token_endpoint = TokenUrl, token_endpoint_auth_methods_supported = new[] { "client_secret_post" } });
                return;
            }

            var number = Interlocked.Increment(ref calls);
            var form = await http.Request.ReadFormAsync();
            if (form["client_secret"] != Accepted)
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                await http.Response.WriteAsJsonAsync(new { error = "invalid_client" });
                return;
            }

            await http.Response.WriteAsJsonAsync(new { access_token = $"issued-{number}-{Guid.NewGuid():N}", token_type = "Bearer", expires_in = 3600 });
        }
    }

    private sealed class TwoNodes(RunningServer first, RunningServer second, HttpClient atFirst, HttpClient atSecond) : IAsyncDisposable
    {
        public HttpClient First { get; } = atFirst;

        public HttpClient Second { get; } = atSecond;

        public static async Task<TwoNodes> StartAsync(PostgresFixture postgres, AuthorizationServer? allowed, string patterns = "*")
        {
            var settings = new List<(string, string)> { ("Tokens:jibit:Provider", "jibit") };
            if (allowed is not null)
            {
                settings.Add(("TokenRefresh:Http:AllowedAddresses", "127.0.0.0/8"));
            }

            var database = await postgres.CreateMigratedDatabaseAsync();
            var first = await RunningServer.StartAsync(postgres, database, withSandbox: true, settings: [.. settings]);
            var second = await RunningServer.StartAsync(postgres, database, withSandbox: true, settings: [.. settings]);
            var key = await first.Services.GetRequiredService<ClientKeys>().IssueAsync("manager", patterns, "a test", CancellationToken.None, string.Join(',', ClientActs.All));
            foreach (var server in new[] { first, second })
            {
                await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(CancellationToken.None);
            }

            return new(first, second, new ApiProgram(first, key).Http, new ApiProgram(second, key).Http);
        }

        public static object Provider(AuthorizationServer acme) => new
        {
            type = "OAuth2", settings = new { acme.TokenUrl, ClientId = "ours", ClientSecret = Secret, ClientAuthentication = "Body" },
        };

        public async Task AddAsync(AuthorizationServer acme)
        {
            var added = await First.PutAsJsonAsync("/api/providers/acme", Provider(acme));
            added.StatusCode.ShouldBe(HttpStatusCode.Created, await added.Content.ReadAsStringAsync());
            await AddTokenAsync();
        }

        public async Task AddTokenAsync()
        {
            var added = await First.PostAsJsonAsync("/api/tokens", new { name = "acme-orders", provider = "acme", scopes = new[] { "orders.read" } });
            added.StatusCode.ShouldBe(HttpStatusCode.Created, await added.Content.ReadAsStringAsync());
            await RunningServer.UntilAsync(async () => (await Second.GetAsync("/api/tokens/acme-orders/access-token")).StatusCode == HttpStatusCode.OK, "the second node serves it");
        }

        public async Task<HttpClient> ProgramAsync(string name, string patterns, string acts)
        {
            var key = await first.Services.GetRequiredService<ClientKeys>().IssueAsync(name, patterns, "a test", CancellationToken.None, acts);
            await first.Services.GetRequiredService<ClientKeys>().ReloadAsync(CancellationToken.None);
            return new ApiProgram(first, key).Http;
        }

        /// <summary>What was done to providers and tokens, in order.</summary>
        public async Task<IReadOnlyList<string>> AuditAsync()
        {
            await using var db = await first.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
            return await db.Audit.Where(entry => (entry.Action.StartsWith("provider.") || entry.Action.StartsWith("token.")) && !entry.Action.StartsWith("token.refresh"))
                .OrderBy(entry => entry.Id).Select(entry => entry.Action).ToListAsync();
        }

        /// <summary>What the second node's diagnosis mentions beside what is wrong.</summary>
        public async Task<IReadOnlyList<string>> NoticesAsync() =>
            [.. (await second.Services.GetRequiredService<DiagnosisReader>().ReadAsync(CancellationToken.None)).Notices.Select(notice => $"{notice}")];

        /// <summary>All that is stored, as text.</summary>
        public async Task<string> Everything()
        {
            await using var db = await first.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
            return string.Join('\n', await db.Database.SqlQuery<string>(
                $"""
                 SELECT providers::text AS "Value" FROM providers UNION ALL SELECT tokens::text FROM tokens UNION ALL SELECT jsonb_pretty(details) FROM audit_log
                 UNION ALL SELECT token_refresh_logs::text FROM token_refresh_logs UNION ALL SELECT job::text FROM hangfire.job
                 """).ToListAsync());
        }

        public async ValueTask DisposeAsync()
        {
            First.Dispose();
            Second.Dispose();
            await second.DisposeAsync();
            await first.DisposeAsync();
        }
    }
}
