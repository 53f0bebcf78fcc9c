using System.Net;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class ClientKeyApiTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("")]
    [InlineData("Bearer ")]
    [InlineData("Bearer trk_")]
    [InlineData("Bearer trk_000000000000_0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("Basic dHJrXw==")]
    public async Task Without_a_good_key_every_address_answers_401(string authorization)
    {
        using var server = await shared.ProgramAsync("jibit");
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
        // Of its own, because the server closes the connection of a body that it does not read; whoever still sends then may never see the answer,
        // so this one asks first, as a program with a long body should.
        using var http = new HttpClient { BaseAddress = (await shared.Server).Http.BaseAddress };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.ExpectContinue = body == "huge";
        request.Content = body.Length == 0 ? null : new StringContent(body == "huge" ? new string('a', 1_000_000) : body, Encoding.UTF8, "application/json");

        (await http.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_key_of_another_case_or_longer_by_a_character_is_no_key()
    {
        using var server = await shared.ProgramAsync("jibit");
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
        await using var server = await ApiServer.FreshAsync(postgres, "jibit");

        await server.Services.GetRequiredService<ClientKeys>().RevokeAsync("program", "a test", CancellationToken.None);

        await RunningServer.UntilAsync(async () => (await server.Http.GetAsync("/api/tokens")).StatusCode == HttpStatusCode.Unauthorized, "the key is refused", seconds: 5);
    }

    [Fact]
    public async Task The_secret_of_a_key_is_not_stored()
    {
        using var server = await shared.ProgramAsync("jibit");
        var secret = server.Http.DefaultRequestHeaders.Authorization!.Parameter!.Split('_')[^1];

        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();

        (await db.Database.SqlQuery<string>($"SELECT schema_to_xml('public', true, false, '')::text AS \"Value\"").SingleAsync()).ShouldNotContain(secret);
    }
}
