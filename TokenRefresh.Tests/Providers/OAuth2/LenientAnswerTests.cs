using System.Text.Json;
using CsCheck;
using Shouldly;
using TokenRefresh.Providers;
using static TokenRefresh.Tests.Providers.OAuth2.OAuth2World;

namespace TokenRefresh.Tests.Providers.OAuth2;

/// <summary>Refresh tokens and token types as servers write them.</summary>
public sealed class LenientAnswerTests
{
    [Theory]
    [InlineData("\"\"")]
    [InlineData("\" \"")]
    [InlineData("\"\\t\\n\"")]
    [InlineData("false")]
    [InlineData("true")]
    [InlineData("0")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("\"\\ud800\"")]
    public async Task A_refresh_token_that_is_none_is_as_if_absent_and_is_noted(string value)
    {
        var token = await IssuedAsync($"\"refresh_token\":{value}");

        token.RefreshToken.ShouldBeNull();
        token.Notes.ShouldHaveSingleItem().ShouldEndWith(": read as absent");
    }

    [Fact]
    public async Task A_refresh_token_that_is_null_or_missing_is_absent_without_a_note()
    {
        foreach (var fields in new[] { "\"refresh_token\":null", "\"scope\":\"a\"" })
        {
            var token = await IssuedAsync(fields);
            (token.RefreshToken, token.Notes.Count).ShouldBe((null, 0));
        }
    }

    [Theory]
    [InlineData("a b")]
    [InlineData(" a ")]
    [InlineData("a\r\nb")]
    [InlineData("توکن")]
    [InlineData("a+b/c=%&\"'<>{}")]
    [InlineData("🔑")]
    public async Task Characters_that_oauth2_forbids_in_a_refresh_token_are_taken_as_they_are_and_sent_back_so(string text)
    {
        using var world = With();
        world.Http.Reply(200, JsonSerializer.Serialize(new { access_token = "a", refresh_token = text }));
        world.Http.Reply(200, """{"access_token":"b"}""");

        var token = (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();
        await world.Acme().RenewAsync(Order(), new(token.AccessToken, token.RefreshToken), default);

        token.RefreshToken.ShouldBe(text);
        world.Http.Sent[1].Form()["refresh_token"].ShouldBe(text);
    }

    [Fact]
    public async Task A_refresh_token_that_is_a_number_is_taken_by_its_digits() =>
        (await IssuedAsync("\"refresh_token\":12345678901234567890")).RefreshToken.ShouldBe("12345678901234567890");

    [Fact]
    public Task Any_text_that_is_not_blank_is_a_refresh_token() =>
        Gen.String.Where(text => text.Trim().Length > 0 && !text.Any(char.IsSurrogate)).SampleAsync(
            async text => (await IssuedAsync($"\"refresh_token\":{JsonSerializer.Serialize(text)}")).RefreshToken.ShouldBe(text), iter: 200);

    [Theory]
    [InlineData("\"BearerToken\"")]
    [InlineData("\"Bearer \"")]
    [InlineData("\"bearer_token\"")]
    [InlineData("\"JWT\"")]
    [InlineData("\"access_token\"")]
    [InlineData("\"urn:ietf:params:oauth:token-type:access_token\"")]
    [InlineData("\"urn:ietf:params:oauth:token-type:jwt\"")]
    [InlineData("\"N_A\"")]
    [InlineData("\"\"")]
    [InlineData("\" \"")]
    [InlineData("\"machine\"")]
    [InlineData("\"popular\"")]
    [InlineData("7")]
    [InlineData("true")]
    [InlineData("[]")]
    public async Task A_token_type_that_is_only_a_name_for_bearer_is_that_and_is_noted(string type)
    {
        var token = await IssuedAsync($"\"token_type\":{type}");

        token.AccessToken.ShouldBe("opaque");
        token.Notes.ShouldHaveSingleItem().ShouldMatch("^token_type is .*: read as bearer$");
    }

    [Theory]
    [InlineData("\"token_type\":\"Bearer\"")]
    [InlineData("\"token_type\":\"bearer\"")]
    [InlineData("\"token_type\":null")]
    [InlineData("\"scope\":\"a\"")]
    public async Task A_bearer_token_and_an_absent_type_need_no_note(string fields) => (await IssuedAsync(fields)).Notes.ShouldBeEmpty();

    [Theory]
    [InlineData("mac")]
    [InlineData("MAC")]
    [InlineData("dpop")]
    [InlineData("DPoP")]
    [InlineData("pop")]
    [InlineData("http-mac")]
    [InlineData("macToken")]
    [InlineData("urn:ietf:params:oauth:token-type:dpop")]
    [InlineData("Basic")]
    public async Task A_token_that_is_no_bearer_token_is_refused(string type)
    {
        using var world = With();
        world.Http.Reply(200, JsonSerializer.Serialize(new { access_token = "opaque", token_type = type }));

        (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe($"HTTP 200: token_type is {type}; only bearer tokens can be served");
    }

    [Fact]
    public async Task Names_without_underscores_are_read_and_the_protocols_own_stand_before_them()
    {
        using var world = With();
        world.Http.Reply(200, """{"accessToken":"a","refreshToken":"r","tokenType":"bearer","expiresIn":600}""");
        world.Http.Reply(200, """{"access_token":"b","accessToken":"a"}""");

        var token = (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();
        var other = (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();

        (token.AccessToken, token.RefreshToken, token.ExpiresAt, other.AccessToken).ShouldBe(("a", "r", ProviderWorld.Now.AddMinutes(10), "b"));
    }

    [Fact]
    public async Task An_empty_error_beside_a_token_is_noted() => (await IssuedAsync("\"error\":\"\"")).Notes.ShouldBe(["the answer contains an empty error beside the token: ignored"]);

    [Theory]
    [InlineData(Secret)]
    [InlineData("access-token-0123456789")]
    [InlineData("refresh-token-0123456789")]
    [InlineData("refresh-1-that-was-sent")]
    public async Task A_note_does_not_repeat_a_secret_that_a_careless_server_puts_where_a_word_is_expected(string repeated)
    {
        using var world = With();
        world.Http.Reply(200, JsonSerializer.Serialize(new { access_token = "access-token-0123456789", refresh_token = "refresh-token-0123456789", token_type = repeated, expires_in = 0 }));

        var token = (await world.Acme().RenewAsync(Order(), new("access-1", "refresh-1-that-was-sent"), default)).ShouldBeIssued();

        token.Notes.ShouldBe(["expires_in is 0: ignored"]);
    }

    private static async Task<IssuedToken> IssuedAsync(string fields)
    {
        using var world = With();
        world.Http.Reply(200, $$"""{"access_token":"opaque",{{fields}}}""");
        return (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();
    }
}
