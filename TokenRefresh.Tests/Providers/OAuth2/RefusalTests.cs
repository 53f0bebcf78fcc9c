using System.Text.Json;
using CsCheck;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Providers.OAuth2;
using static TokenRefresh.Tests.Providers.OAuth2.OAuth2World;

namespace TokenRefresh.Tests.Providers.OAuth2;

/// <summary>What refusals mean, in whatever words and shapes they come.</summary>
public sealed class RefusalTests
{
    private static readonly string[] DeadCodes =
    [
        "invalid_grant", "invalid_token", "expired_token", "token_expired", "token_revoked", "interaction_required", "consent_required", "login_required",
        "account_selection_required", "mfa_required", "reauth_required", "reauthentication_required", "reauthorization_required", "invalid_rapt",
        "bad_refresh_token", "invalid_refresh_token", "refresh_token_expired", "refresh_token_reused", "refresh_token_already_used", "refresh_token_not_found",
        "refresh_token_revoked", "expired_refresh_token", "grant_revoked", "session_expired", "keymanagement.service.invalid_refresh_token",
    ];

    [Theory]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid refresh_token"}""")]
    [InlineData(401, """{"error":"invalid_token"}""")]
    [InlineData(403, """{"error":"unauthorized_client","error_description":"The refresh token is not for this client."}""")]
    [InlineData(401, """{"error":"unauthorized_client","error_description":"Refresh token revoked"}""")]
    [InlineData(200, """{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}""")]
    [InlineData(400, """{"error":"interaction_required","suberror":"basic_action"}""")]
    [InlineData(400, """{"error":"consent_required"}""")]
    [InlineData(400, """{"error":"login_required"}""")]
    [InlineData(400, """{"error":"INVALID_GRANT"}""")]
    [InlineData(400, """{"error":"Invalid Grant"}""")]
    [InlineData(400, """{"error":"invalid-grant"}""")]
    [InlineData(400, """{"error":"invalidGrant"}""")]
    [InlineData(400, """{"error":{"code":"refresh_token_reused","message":"…"}}""")]
    [InlineData(400, """{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The refresh token has expired."}}""")]
    [InlineData(400, """{"errors":[{"code":"invalid_grant","title":"no"}]}""")]
    [InlineData(400, """{"error_code":"invalid_grant"}""")]
    [InlineData(400, """{"errorCode":"invalid_grant"}""")]
    [InlineData(400, """{"ErrorCode":"invalid_request","Error":"Refresh Token expired"}""")]
    [InlineData(400, """{"code":"refresh_token_not_found","msg":"Invalid Refresh Token: Refresh Token Not Found"}""")]
    [InlineData(401, """{"fault":{"faultstring":"Invalid Refresh Token","detail":{"errorcode":"keymanagement.service.invalid_refresh_token"}}}""")]
    [InlineData(400, "error=invalid_grant&error_description=The+refresh+token+is+unknown")]
    [InlineData(200, "error=bad_refresh_token&error_description=incorrect&error_uri=https%3A%2F%2Fexample.com")]
    [InlineData(400, """{"error":"invalid_request","error_description":"refresh token is invalid or missing"}""")]
    [InlineData(400, """{"error":"access_denied","error_description":"The user has revoked access to this application"}""")]
    [InlineData(400, """{"error":"who_knows","message":"Session not active"}""")]
    [InlineData(400, """{"error":"invalid_request","suberror":"consent_required"}""")]
    [InlineData(403, """{"message":"refreshToken has already been used"}""")]
    [InlineData(400, "invalid_grant")]
    [InlineData(401, "Invalid token")]
    [InlineData(401, "Refresh token expired\n")]
    [InlineData(400, """{"error":"invalid_grant: Token is expired or invalid.","error_description":"Token is expired or invalid."}""")]
    [InlineData(400, """{"error":"invalid_request","error_description":"session not found"}""")]
    [InlineData(400, """{"error":"invalid_request","error_description":"token revoked"}""")]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid \"refresh_token\" in request."}""")]
    public async Task A_dead_refresh_token_is_known_in_other_words_and_shapes(int status, string body)
    {
        using var world = With();
        world.Http.Reply(status, body);

        (await world.Acme().RenewAsync(Order(grant: Grant.Imported), Held, default)).ShouldHaveFailed(FailureKind.GrantRevoked);
    }

    [Fact]
    public void Each_code_for_a_dead_grant_means_that_in_every_spelling() =>
        Gen.Select(Gen.OneOf(DeadCodes), Gen.OneOf<Func<string, string>>(code => code, code => code.ToUpperInvariant(), code => code.Replace('_', '-'), code => code.Replace('_', ' '), Camel))
            .Sample((code, spell) => Classified(400, new { error = spell(code) }, isRenewal: true).ShouldBe(FailureKind.GrantRevoked, spell(code)));

    [Fact]
    public void Each_word_for_dead_makes_a_named_refresh_token_a_dead_one()
    {
        string[] words =
        [
            "is invalid", "was invalidated", "has expired", "was revoked", "reuse detected", "was reused", "was re-used", "has been used", "is unknown", "not found", "is not valid", "isn't valid",
            "is no longer accepted", "is bad", "is inactive", "is not active", "is malformed", "does not exist", "doesn't exist", "not recognized", "unrecognised", "is disabled", "was deleted",
            "is blacklisted", "is blocked", "was denied", "was rejected", "is incorrect", "is wrong", "mismatch", "does not match", "was consumed", "was rotated", "was superseded", "replayed",
            "cannot be used", "was not issued to this client", "does not belong to it", "belongs to another", "was withdrawn", "was removed", "is stale", "is dead", "is too old", "is invalid or missing",
        ];

        foreach (var text in words.Select(word => $"The refresh_token {word}.").Concat(["Invalid grant", "consent was withdrawn", "authorization has been revoked", "access revoked", "session terminated",
            "the user has revoked", "user deactivated", "stale token", "token is not active", "login required"]))
        {
            Classified(400, new { error = "invalid_request", error_description = text }, isRenewal: true).ShouldBe(FailureKind.GrantRevoked, text);
            Classified(400, new { error = "invalid_scope", error_description = text }, isRenewal: true).ShouldBe(FailureKind.Configuration, text);
            Classified(400, new { error = "invalid_request", error_description = text }, isRenewal: false).ShouldBe(FailureKind.Configuration, text);
        }
    }

    [Fact]
    public void Each_word_for_too_much_or_too_early_means_later()
    {
        foreach (var text in new[]
        {
            "rate limit exceeded", "RateLimit", "rate-limited", "request was throttled", "Throttling", "too many requests", "too many attempts", "too many calls", "too many active tokens",
            "quota exceeded", "quota has been exceeded", "you exceeded your daily quota", "request limit reached", "token is not yet expired", "not expired yet", "token hasn't expired yet",
            "access_token_not_expired", "token is still valid", "too early", "too soon", "refreshed too often", "too frequent",
        })
        {
            Classified(400, new { error = "invalid_request", error_description = text }, isRenewal: true).ShouldBe(FailureKind.RateLimited, text);
            Classified(400, new { error = text }, isRenewal: false).ShouldBe(FailureKind.RateLimited, text);
            Classified(400, new { error = "invalid_scope", error_description = text }, isRenewal: true).ShouldBe(FailureKind.Configuration, text);
        }
    }

    [Fact]
    public void Each_word_for_wrong_credentials_means_them_and_not_the_grant()
    {
        foreach (var text in new[]
        {
            "Invalid client", "invalid client secret", "Invalid client credentials", "wrong client id", "incorrect client secret", "unknown client", "expired client secret", "client secret is invalid",
            "client secret has expired", "client not found", "client authentication failed", "client credentials are incorrect", "client_id or client_secret is wrong",
        })
        {
            Classified(400, new { error = "invalid_request", error_description = text }, isRenewal: true).ShouldBe(FailureKind.CredentialRejected, text);
        }

        Classified(400, new { error = "invalid_request", error_description = "invalid client_assertion_type" }, isRenewal: true).ShouldBe(FailureKind.Configuration);
    }

    [Theory]
    [InlineData(400, """{"error":"invalid_request","error_description":"Missing parameter: refresh_token"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid request: refresh_token is required"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"unauthorized_client","error_description":"Grant type 'refresh_token' not allowed for the client."}""", FailureKind.Configuration)]
    [InlineData(403, """{"error":"unauthorized_client","error_description":"The client is not authorized to use a refresh token"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"unsupported_grant_type","error_description":"Invalid grant_type: refresh_token"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"invalid_scope","error_description":"the refresh token was not issued for rate_limit:read"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid grant type"}""", FailureKind.Configuration)]
    [InlineData(401, """{"error":"invalid_client","error_description":"The refresh token was not looked at"}""", FailureKind.CredentialRejected)]
    [InlineData(503, """{"error":"invalid_request","message":"the refresh token cannot be used now"}""", FailureKind.Configuration)]
    [InlineData(503, """{"message":"invalid refresh token store"}""", FailureKind.ProviderDown)]
    [InlineData(400, """{"error":"invalid_request","error_description":"the access token is invalid"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"granted_nothing"}""", FailureKind.InvalidResponse)]
    [InlineData(403, "Access denied", FailureKind.InvalidResponse)]
    [InlineData(403, "Bad request", FailureKind.InvalidResponse)]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid token type"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"invalid_request","error_description":"the csrf token has expired"}""", FailureKind.Configuration)]
    [InlineData(400, "<p>error=invalid_grant</p>", FailureKind.InvalidResponse)]
    public async Task Words_that_only_look_like_a_dead_refresh_token_are_none(int status, string body, FailureKind kind)
    {
        using var world = With();
        world.Http.Reply(status, body);

        (await world.Acme().RenewAsync(Order(grant: Grant.Imported), Held, default)).ShouldHaveFailed(kind);
    }

    [Theory]
    [InlineData(400, """{"error":"access_denied","error_description":"Rate limit exceeded"}""")]
    [InlineData(400, """{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time."}""")]
    [InlineData(400, """{"error":"invalid_request","error_description":"token is not expired yet"}""")]
    [InlineData(400, """{"error":"invalid_request","error_description":"The access token hasn't expired yet"}""")]
    [InlineData(400, """{"error":"invalid_grant","error_description":"rate limit"}""")]
    [InlineData(400, """{"error":"access_token_not_expired"}""")]
    [InlineData(403, """{"error":"rate_limit_exceeded"}""")]
    [InlineData(400, """{"message":"The refresh token has not yet expired"}""")]
    [InlineData(401, """{"error":{"code":"Throttling","message":"Request was throttled"}}""")]
    [InlineData(200, """{"error":"rateLimitExceeded"}""")]
    [InlineData(400, "error=access_denied&error_description=Rate+limit+exceeded")]
    public async Task Too_many_calls_and_calls_that_come_too_early_are_for_later_whoever_asks(int status, string body)
    {
        using var world = With();
        world.Http.Reply(status, body);
        world.Http.Reply(status, body);

        (await world.Acme().RenewAsync(Order(grant: Grant.Imported), Held, default)).ShouldHaveFailed(FailureKind.RateLimited);
        (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(FailureKind.RateLimited);
    }

    [Theory]
    [InlineData(400, """{"error":"invalid_scope","error_description":"rate_limit:read is not allowed"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"invalid_request","error_description":"Invalid refresh token. Make sure that it is not expired."}""", FailureKind.GrantRevoked)]
    [InlineData(400, """{"error":"invalid_request","error_description":"generate limited tokens only"}""", FailureKind.Configuration)]
    [InlineData(400, """{"error":"access_denied"}""", FailureKind.Configuration)]
    [InlineData(401, """{"error":"invalid_client","error_description":"rate limit"}""", FailureKind.CredentialRejected)]
    public async Task Words_that_only_look_like_a_rate_limit_are_none(int status, string body, FailureKind kind)
    {
        using var world = With();
        world.Http.Reply(status, body);

        (await world.Acme().RenewAsync(Order(grant: Grant.Imported), Held, default)).ShouldHaveFailed(kind);
    }

    [Theory]
    [InlineData("interaction_required", FailureKind.Configuration)]
    [InlineData("consent_required", FailureKind.Configuration)]
    [InlineData("invalid_grant", FailureKind.CredentialRejected)]
    [InlineData("bad_refresh_token", FailureKind.InvalidResponse)]
    public void Where_no_refresh_token_was_sent_none_is_called_dead(string code, FailureKind kind) => Classified(400, new { error = code }, isRenewal: false).ShouldBe(kind);

    [Theory]
    [InlineData(401, """{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}""")]
    [InlineData(401, """{"error":"unauthorized_client"}""")]
    [InlineData(401, """{"error":"UNAUTHORIZED_CLIENT"}""")]
    [InlineData(401, "error=unauthorized_client")]
    [InlineData(400, """{"error":"unauthorized_client","error_description":"INVALID_CREDENTIALS: Invalid client credentials"}""")]
    [InlineData(400, """{"error":"invalid_request","error_description":"client secret is wrong"}""")]
    public async Task A_wrong_secret_in_other_words_is_known_and_the_next_one_is_tried(int status, string body)
    {
        using var world = With(("NextClientSecret", NextSecret));
        world.Http.Reply(status, body);
        world.Http.Reply(200, """{"access_token":"a","refresh_token":"refresh-2"}""");
        world.Http.Reply(status, body);
        world.Http.Reply(status, body);

        (await world.Acme().RenewAsync(Order(grant: Grant.Imported), Held, default)).ShouldBeIssued().RefreshToken.ShouldBe("refresh-2");
        var failure = (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(FailureKind.CredentialRejected);

        world.Http.Sent.Select(sent => sent.Basic().Secret).ShouldBe([Secret, NextSecret, NextSecret, Secret]);
        failure.RefusesClient.ShouldBeTrue();
    }

    [Theory]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("\" \"")]
    [InlineData("0")]
    [InlineData("0.0")]
    [InlineData("\"0\"")]
    [InlineData("false")]
    [InlineData("\"none\"")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"code":0,"message":"success"}""")]
    public async Task An_empty_error_beside_a_good_token_is_none(string error)
    {
        foreach (var name in new[] { "error", "error_code", "errcode" })
        {
            using var world = With();
            world.Http.Reply(200, $$"""{"access_token":"a","{{name}}":{{error}},"error_description":"","expires_in":60}""");

            (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued().AccessToken.ShouldBe("a");
        }
    }

    [Theory]
    [InlineData("""{"access_token":"a","error":"invalid_grant"}""", FailureKind.GrantRevoked)]
    [InlineData("""{"access_token":"a","error":"invalid_client"}""", FailureKind.CredentialRejected)]
    [InlineData("""{"access_token":"a","error":"invalid_scope"}""", FailureKind.Configuration)]
    [InlineData("""{"access_token":"a","error":"server_error"}""", FailureKind.ProviderDown)]
    [InlineData("""{"access_token":"a","error":"slow_down"}""", FailureKind.RateLimited)]
    [InlineData("""{"access_token":"a","error":{"code":"invalid_grant"}}""", FailureKind.GrantRevoked)]
    [InlineData("""{"access_token":"a","error":{"message":"boom"}}""", FailureKind.InvalidResponse)]
    [InlineData("""{"access_token":"a","error":true}""", FailureKind.InvalidResponse)]
    [InlineData("""{"access_token":"a","error":7}""", FailureKind.InvalidResponse)]
    [InlineData("""{"access_token":"a","error_code":"refresh_token_reused"}""", FailureKind.GrantRevoked)]
    [InlineData("""{"access_token":"","code":"invalid_grant"}""", FailureKind.GrantRevoked)]
    public async Task A_real_error_in_a_200_is_of_the_kind_that_it_means(string body, FailureKind kind)
    {
        using var world = With();
        world.Http.Reply(200, body);

        (await world.Acme().RenewAsync(Order(grant: Grant.Imported), Held, default)).ShouldHaveFailed(kind).HttpStatus.ShouldBe(200);
    }

    [Fact]
    public void A_kind_that_is_read_from_the_text_says_so_and_does_not_show_the_text()
    {
        var failure = OAuth2Answers.Classify(Reply(400, new { error = "invalid_request", error_description = "Invalid refresh token planted" }), isRenewal: true);

        failure.Reason.ShouldBe("HTTP 400 invalid_request: its text says that the refresh token or grant is no longer valid");
    }

    [Fact]
    public void Whatever_the_text_a_refusal_is_classified_and_nothing_throws() =>
        Gen.Select(Gen.Int[200, 599], Gen.String, Gen.String).Sample((status, code, text) => { _ = Classified(status, new { error = code, error_description = text }, isRenewal: true); });

    private static FailureKind Classified(int status, object body, bool isRenewal) => OAuth2Answers.Classify(Reply(status, body), isRenewal).Kind;

    private static ProviderReply Reply(int status, object body) => new((System.Net.HttpStatusCode)status, JsonSerializer.SerializeToUtf8Bytes(body), null, null);

    private static string Camel(string code) =>
        string.Concat(code.Split('_').Select((word, index) => index == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));
}
