using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class FinnotechSandboxTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Fact]
    public async Task A_body_without_a_length_is_an_empty_one()
    {
        var request = FinnotechCalls.Post(FinnotechCalls.Credentials);
        request.Headers.TransferEncodingChunked = true;

        var answer = await SendAsync(request);

        answer.Status.ShouldBe(400);
        answer.Error.ShouldStartWith("VALIDATION_ERROR: body is empty");
    }

    [Fact]
    public async Task Client_credentials_are_answered_with_the_documented_envelope()
    {
        var answer = await Host.TokenAsync(FinnotechCalls.Credentials);

        answer.Status.ShouldBe(200);
        answer.Json.AsObject().Select(field => field.Key).ShouldBe(["result", "status"]);
        ((string?)answer.Json["status"]).ShouldBe("DONE");
        var result = answer.Json["result"]!.AsObject();
        result.Select(field => field.Key).ShouldBe(["value", "scopes", "lifeTime", "creationDate", "refreshToken"]);
        result["scopes"]!.AsArray().Select(scope => (string?)scope).ShouldBe(["oak:iban-inquiry:get", "facility:card-to-iban:get"]);
        ((long?)result["lifeTime"]).ShouldBe(864_000_000);
        ((string?)result["creationDate"]).ShouldBe("14030615084530");
        ((string)result["refreshToken"]!).ShouldMatch("^[A-Za-z0-9]{256}$");
    }

    [Fact]
    public async Task An_access_token_is_shaped_like_a_JWT_that_expires_after_ten_days()
    {
        var parts = (await Host.AcquireFinnotechAsync()).Value.Split('.');

        ((string?)Part(parts[0])["alg"]).ShouldBe("RS256");
        ((long?)Part(parts[1])["iat"]).ShouldBe(Clock.GetUtcNow().ToUnixTimeSeconds());
        ((long?)Part(parts[1])["exp"]).ShouldBe(Clock.GetUtcNow().AddDays(10).ToUnixTimeSeconds());
    }

    [Theory]
    [InlineData("""{"nid":"0099999988","scopes":"a:b:get"}""", "grant_type is required")]
    [InlineData("""{"grant_type":"password","nid":"0099999988","scopes":"a:b:get"}""", "grant_type is not valid")]
    [InlineData("""{"grant_type":"authorization_code","code":"x"}""", "grant_type is not valid")]
    [InlineData("""{"grant_type":"client_credentials","scopes":"a:b:get"}""", "nid is required")]
    [InlineData("""{"grant_type":"client_credentials","nid":"0099999988"}""", "scopes is required")]
    [InlineData("""{"grant_type":"client_credentials","nid":"99999988","scopes":"a:b:get"}""", "nid must have 10 digits")]
    [InlineData("""{"grant_type":"client_credentials","nid":99999988,"scopes":"a:b:get"}""", "nid must be a string")]
    [InlineData("""{"grant_type":"client_credentials","nid":"۰۰۹۹۹۹۹۹۸۸","scopes":"a:b:get"}""", "nid must have 10 digits")]
    [InlineData("""{"grant_type":"client_credentials","nid":"0099999988","scopes":["a:b:get"]}""", "scopes must be a string")]
    [InlineData("""{"grant_type":"client_credentials","nid":"0099999988","scopes":"a:b:get","token_type":"CLIENT-CREDENTIAL"}""", "token_type is not allowed")]
    [InlineData("""{"grant_type":"client_credentials","nid":"0099999988","scopes":"a:b:get","bank":"062"}""", "bank is not allowed")]
    [InlineData("""{"grant_type":"client_credentials","nid":"0099999988","scopes":"a:b:get","bank":null}""", "bank is not allowed")]
    [InlineData("""{"grant_type":"refresh_token","refresh_token":"r"}""", "token_type is required")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CLIENT-CREDENTIAL"}""", "refresh_token is required")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"client_credentials","refresh_token":"r"}""", "token_type is not valid")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CODE","refresh_token":"r"}""", "bank is required")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CODE","refresh_token":"r","bank":"62"}""", "bank must have 3 digits")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CODE","refresh_token":"r","auth_type":"MAIL"}""", "auth_type is not valid")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CODE","refresh_token":"r","auth_type":"SMS"}""", "invalid token")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CLIENT-CREDENTIAL","refresh_token":"r","nid":"0099999988"}""", "nid is not allowed")]
    [InlineData("""{"grant_type":"refresh_token","token_type":"CLIENT-CREDENTIAL","refresh_token":"unknown"}""", "invalid token")]
    public async Task A_wrong_request_is_refused_by_naming_the_field(string body, string message)
    {
        var answer = await Host.TokenAsync(body);

        (answer.Status, answer.Error).ShouldBe((400, "VALIDATION_ERROR: " + message));
        ((string?)answer.Json["status"]).ShouldBe("FAILED");
    }

    [Theory]
    [InlineData("oak:iban-inquiry")]
    [InlineData("oak:iban-inquiry:get,")]
    [InlineData("oak:iban-inquiry:get, facility:card-to-iban:get")]
    [InlineData("oak::get")]
    [InlineData("oak:iban-inquiry:get\\n")]
    public async Task Badly_formed_scopes_are_refused(string scopes)
    {
        var answer = await Host.TokenAsync($$"""{"grant_type":"client_credentials","nid":"0099999988","scopes":"{{scopes}}"}""");

        answer.Error.ShouldBe("VALIDATION_ERROR: scopes must be scopes of the form service:action:verb joined by commas");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Basic not-base64")]
    [InlineData("Basic")]
    [InlineData("Basic OnNlY3JldA==")]
    [InlineData("Basic ZGVtby1hcHA6")]
    [InlineData("Bearer ZGVtby1hcHA6ZGVtby1zZWNyZXQtMDAwMQ==")]
    public async Task A_request_without_a_client_and_a_secret_is_unauthorized(string? authorization)
    {
        var request = Post(FinnotechCalls.Token, FinnotechCalls.Credentials);
        request.Headers.Authorization = authorization is null ? null : AuthenticationHeaderValue.Parse(authorization);

        var answer = await SendAsync(request);

        answer.Status.ShouldBe(401);
        answer.Error.ShouldStartWith("UNAUTHORIZED: ");
    }

    [Fact]
    public async Task The_documented_Basic_header_is_accepted()
    {
        var request = Post(FinnotechCalls.Token, FinnotechCalls.Credentials);
        request.Headers.Authorization = AuthenticationHeaderValue.Parse("Basic ZGVtby1hcHA6ZGVtby1zZWNyZXQtMDAwMQ==");

        (await SendAsync(request)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Refresh_replaces_both_tokens_and_keeps_the_scopes()
    {
        var first = await Host.AcquireFinnotechAsync();
        Clock.Advance(TimeSpan.FromDays(7));

        var answer = await Host.RenewAsync(first.RefreshToken);

        answer.Status.ShouldBe(200);
        var second = FinnotechPair.Of(answer);
        second.Value.ShouldNotBe(first.Value);
        second.RefreshToken.ShouldNotBe(first.RefreshToken);
        second.RefreshToken.ShouldMatch("^[A-Za-z0-9]{256}$");
        answer.Json["result"]!["scopes"]!.AsArray().Select(scope => (string?)scope).ShouldBe(["oak:iban-inquiry:get", "facility:card-to-iban:get"]);
        ((string?)answer.Json["result"]!["creationDate"]).ShouldBe("14030622084530");
        ((string?)Part(second.Value.Split('.')[1])["userId"]).ShouldBe("0099999988");
    }

    [Fact]
    public async Task The_optional_fields_of_a_refresh_are_accepted()
    {
        var pair = await Host.AcquireFinnotechAsync();

        var answer = await Host.TokenAsync(
            $$"""{"grant_type":"refresh_token","token_type":"CLIENT-CREDENTIAL","refresh_token":"{{pair.RefreshToken}}","bank":"062","auth_type":"SMS","deposit":"1"}""");

        answer.Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_used_refresh_token_is_refused()
    {
        var pair = await Host.AcquireFinnotechAsync();
        await Host.RenewAsync(pair.RefreshToken);

        var answer = await Host.RenewAsync(pair.RefreshToken);

        (answer.Status, answer.Error).ShouldBe((400, "VALIDATION_ERROR: invalid token"));
    }

    [Fact]
    public async Task A_refresh_token_outlives_its_access_token_but_not_for_ever()
    {
        var pair = await Host.AcquireFinnotechAsync();
        Clock.Advance(TimeSpan.FromDays(11));
        var renewed = FinnotechPair.Of(await Host.RenewAsync(pair.RefreshToken));

        Clock.Advance(TimeSpan.FromDays(30));

        (await Host.RenewAsync(renewed.RefreshToken)).Error.ShouldBe("VALIDATION_ERROR: invalid token");
    }

    [Fact]
    public async Task A_refresh_token_is_of_no_use_to_another_client()
    {
        var pair = await Host.AcquireFinnotechAsync();

        (await Host.RenewAsync(pair.RefreshToken, client: "other-app")).Error.ShouldBe("VALIDATION_ERROR: invalid token");
        (await Host.RenewAsync(pair.RefreshToken)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_token_call_hands_back_the_track_id_that_it_was_given()
    {
        var request = FinnotechCalls.Post(FinnotechCalls.Credentials);
        request.RequestUri = new(FinnotechCalls.Token + "?trackId=9c41e07a-b2d3", UriKind.Relative);

        ((string?)(await SendAsync(request)).Json["trackId"]).ShouldBe("9c41e07a-b2d3");
    }

    [Theory]
    [InlineData("GET", FinnotechCalls.Token)]
    [InlineData("POST", "/sandbox/finnotech/dev/v2/oauth2/authorize")]
    [InlineData("GET", "/sandbox/finnotech/dev/v2/clients/demo-app/wages")]
    public async Task What_Finnotech_does_not_have_fails_in_its_envelope(string method, string path)
    {
        var answer = await SendAsync(new(new(method), path));

        answer.Status.ShouldBe(404);
        ((string?)answer.Json["status"]).ShouldBe("FAILED");
        answer.Error.ShouldStartWith("NOT_FOUND: ");
    }

    private static JsonNode Part(string part) => JsonNode.Parse(Base64Url.DecodeFromChars(part))!;
}
