using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Processes;

/// <summary>What token endpoints really answer, and what people import, through the real program.</summary>
public sealed class ProviderAnswerTests(PostgresFixture postgres) : IAsyncLifetime
{
    private readonly DataFolder data = new();
    private readonly ConcurrentQueue<TokenRequest> sent = [];
    private Func<TokenRequest, (int Status, string Body)> answer = _ => (200, """{"access_token":"a"}""");
    private LoopbackServer endpoint = null!;
    private Dictionary<string, string> settings = null!;

    /// <summary>A token endpoint that answers what a test tells it, as the provider <c>acme</c>: for <c>crm</c>, and for <c>alice</c>, whom a person has to import.</summary>
    public async ValueTask InitializeAsync()
    {
        endpoint = await LoopbackServer.StartAsync(AnswerAsync);
        settings = new(data.VerbSettings(await postgres.CreateMigratedDatabaseAsync()))
        {
            ["Providers__Acme__Type"] = "OAuth2",
            ["Providers__Acme__TokenUrl"] = $"{endpoint.Address}/token",
            ["Providers__Acme__ClientId"] = "client",
            ["Providers__Acme__ClientSecret"] = "the-first-secret",
            ["Tokens__crm__Provider"] = "acme",
            ["Tokens__alice__Provider"] = "acme",
            ["Tokens__alice__Grant"] = "Imported",
        };
        (await ServerProcess.RunAsync(settings, "db", "migrate")).ExitCode.ShouldBe(0);
    }

    public async ValueTask DisposeAsync()
    {
        await endpoint.DisposeAsync();
        await data.DisposeAsync();
    }

    [Fact]
    public async Task An_odd_answer_is_read_and_what_was_odd_is_in_the_log()
    {
        answer = _ => (200, """{"access_token":"opaque","token_type":"BearerToken","expires_in":" 63072000 s","refresh_token":" ","error":""}""");

        (await RefreshAsync("crm")).ExitCode.ShouldBe(0);

        var row = await LastAsync();
        row.GetProperty("status").GetString().ShouldBe("success");
        row.GetProperty("metadata").GetProperty("notes").EnumerateArray().Select(note => note.GetString()).ShouldBe(
        [
            "the answer contains an empty error beside the token: ignored",
            "token_type is BearerToken: read as bearer",
            "refresh_token is blank: read as absent",
            "expires_in is more than a year ahead: a year is assumed",
        ], ignoreOrder: true);
    }

    [Theory]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid refresh_token"}""", "grant_revoked")]
    [InlineData(200, """{"error":"bad_refresh_token"}""", "grant_revoked")]
    [InlineData(403, """{"error":{"code":"refresh_token_reused"}}""", "grant_revoked")]
    [InlineData(400, "error=INVALID_GRANT", "grant_revoked")]
    [InlineData(400, """{"error":"access_denied","error_description":"Rate limit exceeded"}""", "rate_limited")]
    [InlineData(401, """{"error":"unauthorized_client"}""", "credential_rejected")]
    public async Task An_imported_grants_refusal_is_logged_as_what_it_means(int status, string body, string code)
    {
        await ImportAsync("""{"access_token":"by-hand","refresh_token":"refresh-1","expires_in":3600}""");
        answer = _ => (status, body);

        (await RefreshAsync("alice")).ExitCode.ShouldBe(1);

        (await LastAsync()).GetProperty("error_code").GetString().ShouldBe(code);
    }

    [Fact]
    public async Task A_wrong_secret_told_as_unauthorized_client_is_followed_by_the_next_one()
    {
        settings["Providers__Acme__NextClientSecret"] = "the-next-secret";
        await ImportAsync("""{"access_token":"by-hand","refresh_token":"refresh-1","expires_in":3600}""");
        answer = request => request.Authorization == $"Basic {Convert.ToBase64String("client:the-next-secret"u8)}"
            ? (200, """{"access_token":"a","refresh_token":"refresh-2","expires_in":3600}""")
            : (401, """{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}""");

        (await RefreshAsync("alice")).ExitCode.ShouldBe(0);

        sent.Select(request => request.Form["refresh_token"]).ShouldBe(["refresh-1", "refresh-1"]);
        (await LastAsync()).GetProperty("message").GetString()!.ShouldStartWith("Refreshed with Providers__Acme__NextClientSecret");
    }

    [Fact]
    public async Task A_grant_that_was_replaced_by_one_without_a_refresh_token_does_not_send_the_old_one()
    {
        await ImportAsync("""{"access_token":"by-hand","refresh_token":"refresh-1","expires_in":3600}""");
        await ImportAsync("""{"access_token":"another","expires_in":3600}""");

        await RefreshAsync("alice");

        sent.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public async Task An_answer_as_it_came_is_imported_with_a_byte_order_mark_too(string charset)
    {
        var encoding = Encoding.GetEncoding(charset);
        byte[] input = [.. encoding.GetPreamble(), .. encoding.GetBytes("{\"access_token\":\"by-hand\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"refresh_token\":\"refresh-1\",\"scope\":\"a b\"}\r\n")];

        var end = await ServerProcess.RunWithInputAsync(settings, input, "tokens", "import", "alice");

        (end.ExitCode, end.Error).ShouldBe((0, ""));
        end.Out.ShouldStartWith("Imported alice; it expires ");
    }

    [Theory]
    [InlineData("""{"access_token":"planted","expires_at":"07/01/2027"}""", "Allowed: 2027-01-31T12:00:00Z")]
    [InlineData("""{"access_token":"planted","expires_at":"23:59"}""", "Allowed: 2027-01-31T12:00:00Z")]
    [InlineData("""{"access_token":"planted","access_token":"planted-too","expires_in":60}""", "duplicate keys")]
    public async Task What_could_be_read_in_two_ways_is_not_imported(string input, string complaint)
    {
        var end = await ServerProcess.RunWithInputAsync(settings, input, "tokens", "import", "alice");

        end.ExitCode.ShouldBe(2);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain(complaint);
        end.Error.ShouldNotContain("planted");
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        var request = new TokenRequest(context.Request.Headers.Authorization.ToString(), form.ToDictionary(pair => pair.Key, pair => pair.Value.ToString()));
        sent.Enqueue(request);
        (context.Response.StatusCode, var body) = answer(request);
        await context.Response.WriteAsync(body);
    }

    private Task<Finished> RefreshAsync(string token) => ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", token, "--force", "--sync");

    private async Task ImportAsync(string json) => (await ServerProcess.RunWithInputAsync(settings, json, "tokens", "import", "alice")).ExitCode.ShouldBe(0);

    private async Task<JsonElement> LastAsync() => JsonDocument.Parse(await ServerProcess.DoneAsync(settings, "logs show --json --lines 1")).RootElement[0];

    /// <summary>What the endpoint was sent: the client's secret and the form.</summary>
    private sealed record TokenRequest(string Authorization, IReadOnlyDictionary<string, string> Form);
}
