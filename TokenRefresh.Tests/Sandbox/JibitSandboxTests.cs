using System.Buffers.Text;
using System.Text.Json.Nodes;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class JibitSandboxTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Fact]
    public async Task Generate_answers_with_exactly_two_tokens()
    {
        var answer = await Host.GenerateAsync();

        answer.Status.ShouldBe(200);
        answer.ContentType.ShouldBe("application/json");
        answer.Json.AsObject().Select(field => field.Key).ShouldBe(["accessToken", "refreshToken"]);
    }

    [Fact]
    public async Task An_access_token_is_shaped_like_a_JWT_that_expires_after_a_day()
    {
        var parts = (await Host.AcquireAsync()).AccessToken.Split('.');

        parts.Length.ShouldBe(3);
        ((string?)Part(parts[0])["alg"]).ShouldBe("HS512");
        ((long?)Part(parts[1])["exp"]).ShouldBe(Clock.GetUtcNow().AddHours(24).ToUnixTimeSeconds());
    }

    [Theory]
    [InlineData("""{"secretKey":"s"}""", "apiKey.is_required")]
    [InlineData("""{"apiKey":" ","secretKey":"s"}""", "apiKey.is_required")]
    [InlineData("""{"apiKey":null,"secretKey":"s"}""", "apiKey.is_required")]
    [InlineData("""{"apiKey":"k"}""", "secretKey.is_required")]
    [InlineData("{}", "apiKey.is_required")]
    [InlineData("""{"apiKey":"k","secretKey":"s","scopes":"a"}""", "invalid.request_body")]
    [InlineData("""{"apiKey":"k","apiKey":"k","secretKey":"s"}""", "invalid.request_body")]
    [InlineData("""{"apiKey":1,"secretKey":"s"}""", "invalid.request_body")]
    public async Task Generate_refuses_wrong_fields_by_their_documented_code(string body, string code)
    {
        var answer = await Host.GenerateAsync(body);

        answer.Status.ShouldBe(400);
        answer.Code.ShouldBe(code);
        ((string?)answer.Json["message"]).ShouldNotBeNullOrWhiteSpace();
    }

    [Theory]
    [InlineData("apiKey", "secretKey")]
    [InlineData("secretKey", "apiKey")]
    public async Task Generate_refuses_a_key_that_is_too_long(string tooLong, string other)
    {
        var answer = await Host.GenerateAsync(new JsonObject { [tooLong] = new string('k', 256), [other] = "k" }.ToJsonString());

        (answer.Status, answer.Code).ShouldBe((400, tooLong + ".length_exceeded"));
    }

    [Fact]
    public async Task A_second_generate_leaves_the_earlier_tokens_alive()
    {
        var first = await Host.AcquireAsync();
        await Host.AcquireAsync();

        (await Host.BalancesAsync(first.AccessToken)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(JibitCalls.Generate, JibitCalls.Keys)]
    [InlineData(JibitCalls.Refresh, """{"accessToken":"a","refreshToken":"r"}""")]
    public async Task A_body_without_a_length_is_an_empty_one(string path, string body)
    {
        var request = Post(path, body);
        request.Headers.TransferEncodingChunked = true;

        var answer = await SendAsync(request);

        (answer.Status, answer.Code).ShouldBe((400, "invalid.request_body"));
    }

    [Fact]
    public async Task Refresh_replaces_both_tokens_and_restarts_their_clocks()
    {
        var first = await Host.AcquireAsync();
        Clock.Advance(TimeSpan.FromHours(47));

        var second = JibitPair.Of(await Host.RefreshAsync(first));

        second.AccessToken.ShouldNotBe(first.AccessToken);
        second.RefreshToken.ShouldNotBe(first.RefreshToken);
        Clock.Advance(TimeSpan.FromHours(23));
        (await Host.BalancesAsync(second.AccessToken)).Status.ShouldBe(200);
        Clock.Advance(TimeSpan.FromHours(24));
        (await Host.RefreshAsync(second)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("""{"refreshToken":"r"}""", "accessToken.is_required")]
    [InlineData("""{"accessToken":"a"}""", "refreshToken.is_required")]
    [InlineData("""{"accessToken":"a","refreshToken":"r","bank":"062"}""", "invalid.request_body")]
    public async Task Refresh_refuses_wrong_fields_by_their_documented_code(string body, string code)
    {
        var answer = await SendAsync(Post(JibitCalls.Refresh, body));

        (answer.Status, answer.Code).ShouldBe((400, code));
    }

    [Fact]
    public async Task A_used_refresh_token_is_refused()
    {
        var pair = await Host.AcquireAsync();
        await Host.RefreshAsync(pair);

        var answer = await Host.RefreshAsync(pair);

        (answer.Status, answer.Code).ShouldBe((401, "refreshToken.not_valid"));
    }

    [Fact]
    public async Task An_unknown_refresh_token_is_refused()
    {
        var pair = await Host.AcquireAsync();

        var answer = await Host.RefreshAsync(pair.AccessToken, "unknown");

        (answer.Status, answer.Code).ShouldBe((401, "refreshToken.not_valid"));
    }

    [Fact]
    public async Task A_refresh_token_is_refused_after_two_days()
    {
        var pair = await Host.AcquireAsync();
        Clock.Advance(TimeSpan.FromHours(48));

        var answer = await Host.RefreshAsync(pair);

        (answer.Status, answer.Code).ShouldBe((401, "refreshToken.not_valid"));
    }

    [Fact]
    public async Task Tokens_of_different_pairs_do_not_go_together_and_the_refresh_token_survives()
    {
        var (first, second) = (await Host.AcquireAsync(), await Host.AcquireAsync());

        var answer = await Host.RefreshAsync(first.AccessToken, second.RefreshToken);

        (answer.Status, answer.Code).ShouldBe((401, "invalid.tokens_pair"));
        (await Host.RefreshAsync(second)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_old_access_token_lives_on_after_a_refresh_until_its_own_expiry()
    {
        var pair = await Host.AcquireAsync();
        await Host.RefreshAsync(pair);

        (await Host.BalancesAsync(pair.AccessToken)).Status.ShouldBe(200);
        Clock.Advance(TimeSpan.FromHours(24));
        (await Host.BalancesAsync(pair.AccessToken)).Code.ShouldBe("forbidden");
    }

    [Fact]
    public async Task Balances_show_a_prepaid_amount()
    {
        var answer = await Host.BalancesAsync((await Host.AcquireAsync()).AccessToken);

        answer.Status.ShouldBe(200);
        var balance = answer.Json["balances"]!.AsArray().ShouldHaveSingleItem()!;
        ((string?)balance["balanceType"]).ShouldBe("PRF");
        ((long?)balance["amount"]).ShouldNotBeNull();
    }

    [Theory]
    [InlineData(null, 401, "token.is_required")]
    [InlineData("unknown", 403, "forbidden")]
    public async Task Balances_refuse_a_caller_without_a_good_token(string? token, int status, string code)
    {
        var answer = await Host.BalancesAsync(token);

        (answer.Status, answer.Code).ShouldBe((status, code));
    }

    [Fact]
    public async Task A_refresh_token_opens_nothing()
    {
        var answer = await Host.BalancesAsync((await Host.AcquireAsync()).RefreshToken);

        answer.Code.ShouldBe("forbidden");
    }

    [Theory]
    [InlineData("GET", "/sandbox/jibit/ide/v1/tokens/generate")]
    [InlineData("POST", "/sandbox/jibit/ide/v1/tokens/revoke")]
    [InlineData("POST", "/sandbox/jibit/ide/v1/balances")]
    [InlineData("GET", "/sandbox/jibit/ide")]
    public async Task What_Jibit_does_not_have_is_refused_as_its_sample_error(string method, string path)
    {
        var answer = await SendAsync(new(new(method), path));

        (answer.Status, answer.Code).ShouldBe((404, "handler.not_found"));
    }

    [Theory]
    [InlineData(JibitCalls.Keys, 200)]
    [InlineData("{}", 400)]
    public async Task The_track_id_comes_back_in_the_same_header(string body, int status)
    {
        var request = Post(JibitCalls.Generate, body);
        request.Headers.Add("X-TRACK-ID", "6d1f0a52-demo-0001");

        var answer = await SendAsync(request);

        answer.Status.ShouldBe(status);
        answer.Headers.GetValues("X-TRACK-ID").ShouldBe(["6d1f0a52-demo-0001"]);
    }

    [Fact]
    public async Task No_track_id_comes_back_where_none_was_sent() =>
        (await Host.GenerateAsync()).Headers.Contains("X-TRACK-ID").ShouldBeFalse();

    [Fact]
    public async Task A_track_id_over_fifty_characters_is_refused()
    {
        var request = Post(JibitCalls.Generate, JibitCalls.Keys);
        request.Headers.Add("X-TRACK-ID", new string('x', 51));

        (await SendAsync(request)).Code.ShouldBe("invalid.request_body");
    }

    private static JsonNode Part(string part) => JsonNode.Parse(Base64Url.DecodeFromChars(part))!;
}
