using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;
using static TokenRefresh.Tests.Providers.OAuth2.OAuth2World;

namespace TokenRefresh.Tests.Providers.OAuth2;

public sealed class OAuth2WireTests
{
    private const string Granted = """{"access_token":"access-2","token_type":"bearer","expires_in":3600}""";

    [Fact]
    public async Task Client_credentials_go_into_a_basic_header_with_both_parts_form_encoded()
    {
        using var world = With();
        world.Http.Reply(200, Granted);

        (await world.Acme().AcquireAsync(Order("read,write:all"), default)).ShouldBeIssued().AccessToken.ShouldBe("access-2");

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Post);
        sent.Address.ShouldBe(new Uri("https://login.example.com/oauth/token"));
        sent.Headers["Content-Type"].ShouldBe("application/x-www-form-urlencoded");
        sent.ShouldHaveHeaders("Authorization", "Accept");
        sent.Basic().ShouldBe(("my app", Secret));
        sent.ShouldHaveForm(("grant_type", "client_credentials"), ("scope", "read write:all"));
    }

    [Fact]
    public async Task Or_into_the_body_and_then_not_into_a_header()
    {
        using var world = With(("ClientAuthentication", "Body"));
        world.Http.Reply(200, Granted);

        await world.Acme().AcquireAsync(Order(), default);

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.ShouldHaveHeaders("Accept");
        sent.ShouldHaveForm(("grant_type", "client_credentials"), ("client_id", "my app"), ("client_secret", Secret));
    }

    [Theory]
    [InlineData("https://login.example.com/")]
    [InlineData("https://login.example.com/oauth/token/")]
    [InlineData("https://login.example.com:8443/a%20b/token")]
    [InlineData("https://login.example.com/token?p=policy")]
    public async Task The_address_is_used_as_it_is_written(string address)
    {
        using var world = With(("TokenUrl", address));
        world.Http.Reply(200, Granted);

        await world.Acme().AcquireAsync(Order(), default);

        world.Http.Sent[0].Address.AbsoluteUri.ShouldBe(address);
    }

    [Fact]
    public async Task Renewing_sends_the_refresh_token_and_neither_scope_nor_audience()
    {
        using var world = With(("Audience", "https://api.example.com"));
        world.Http.Reply(200, """{"access_token":"access-2","refresh_token":"refresh-2","token_type":"Bearer","expires_in":3600}""");

        (await world.Acme().RenewAsync(Order("read"), Held, default)).ShouldBeIssued().RefreshToken.ShouldBe("refresh-2");

        world.Http.Sent[0].ShouldHaveForm(("grant_type", "refresh_token"), ("refresh_token", "refresh-1"));
    }

    [Fact]
    public async Task Audience_and_parameters_of_provider_and_token_are_sent_and_the_tokens_own_win()
    {
        using var world = With(("Audience", "https://api.example.com"), ("Parameters", "resource=urn:a, tenant=one"));
        world.Http.Reply(200, Granted);

        await world.Acme().AcquireAsync(Order(parameters: ("tenant", "two")), default);

        world.Http.Sent[0].ShouldHaveForm(("grant_type", "client_credentials"), ("audience", "https://api.example.com"), ("resource", "urn:a"), ("tenant", "two"));
    }

    [Fact]
    public async Task A_tokens_parameters_cannot_replace_a_field_of_the_protocol_and_no_call_is_made()
    {
        using var world = With();

        var failure = (await world.Acme().AcquireAsync(Order(parameters: ("Grant_Type", "password")), default)).ShouldHaveFailed(FailureKind.Configuration);

        failure.Reason.ShouldStartWith("Tokens__crm__Parameters must not contain grant_type");
        world.Http.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_grant_of_a_person_is_never_acquired_and_no_call_is_made()
    {
        using var world = With();

        (await world.Acme().AcquireAsync(Order(grant: Grant.Imported), default)).ShouldHaveFailed(FailureKind.GrantRevoked);

        world.Http.Sent.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(""", "expires_in": 120""", 120)]
    [InlineData(""", "expires_in": "120" """, 120)]
    [InlineData(""", "expires_in": 59.5""", 59.5)]
    [InlineData("", 1800)]
    [InlineData(""", "expires_in": null""", 1800)]
    public async Task The_life_counts_from_the_request_and_is_the_default_where_nothing_tells_it(string field, double seconds)
    {
        using var world = With(("DefaultLifetime", "00:30:00"));
        world.Http.Reply(200, $$"""{"access_token":"opaque","token_type":"Bearer"{{field}}}""");

        (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued().ExpiresAt.ShouldBe(ProviderWorld.Now.AddSeconds(seconds));
    }

    [Theory]
    [InlineData("", 7200, 7200)]
    [InlineData(""", "expires_in": 600""", 7200, 600)]
    [InlineData(""", "expires_in": 9000""", 7200, 7200)]
    public async Task A_jwts_own_expiry_stands_where_it_is_earlier_or_the_only_one(string field, int inside, int seconds)
    {
        using var world = With();
        world.Http.Reply(200, $$"""{"access_token":"{{Jwt.Expiring(ProviderWorld.Now.AddSeconds(inside))}}","token_type":"Bearer"{{field}}}""");

        (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued().ExpiresAt.ShouldBe(ProviderWorld.Now.AddSeconds(seconds));
    }

    [Fact]
    public async Task Granted_scopes_and_the_refresh_tokens_life_are_read_and_a_life_of_zero_means_unknown()
    {
        using var world = With();
        world.Http.Reply(200, """{"access_token":"a","refresh_token":"r","refresh_expires_in":1800,"scope":"read write"}""");
        world.Http.Reply(200, """{"access_token":"a","refresh_token":"r","refresh_expires_in":0}""");

        var first = (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();
        var second = (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();

        first.Scopes.ShouldBe(["read", "write"]);
        first.RefreshExpiresAt.ShouldBe(ProviderWorld.Now.AddMinutes(30));
        second.RefreshExpiresAt.ShouldBeNull();
    }

    [Theory]
    [InlineData("""{"token_type":"Bearer","expires_in":60}""", "access_token is missing")]
    [InlineData("""{"access_token":"a","token_type":"DPoP","expires_in":60}""", "token_type is DPoP; only bearer tokens can be served")]
    [InlineData("""{"access_token":"a","expires_in":-5}""", "expires_in is negative")]
    [InlineData("""{"access_token":"a b","expires_in":60}""", "access_token contains white space")]
    [InlineData("""["access_token"]""", "the answer is an array instead of an object")]
    [InlineData("<html>", "the answer is HTML or XML")]
    public async Task An_answer_that_is_not_the_protocols_is_told_by_its_shape(string body, string reason)
    {
        using var world = With();
        world.Http.Reply(200, body);

        (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldContain(reason);
    }

    [Theory]
    [InlineData(400, "invalid_client", FailureKind.CredentialRejected)]
    [InlineData(401, "invalid_client", FailureKind.CredentialRejected)]
    [InlineData(200, "invalid_client", FailureKind.CredentialRejected)]
    [InlineData(400, "invalid_grant", FailureKind.CredentialRejected)]
    [InlineData(400, "invalid_scope", FailureKind.Configuration)]
    [InlineData(400, "invalid_request", FailureKind.Configuration)]
    [InlineData(400, "unauthorized_client", FailureKind.Configuration)]
    [InlineData(400, "unsupported_grant_type", FailureKind.Configuration)]
    [InlineData(400, "invalid_target", FailureKind.Configuration)]
    [InlineData(503, "temporarily_unavailable", FailureKind.ProviderDown)]
    [InlineData(400, "server_error", FailureKind.ProviderDown)]
    [InlineData(500, "who_knows", FailureKind.ProviderDown)]
    [InlineData(429, "invalid_request", FailureKind.RateLimited)]
    [InlineData(400, "slow_down", FailureKind.RateLimited)]
    [InlineData(400, "who_knows", FailureKind.InvalidResponse)]
    public async Task Each_error_code_has_its_kind(int status, string code, FailureKind kind)
    {
        using var world = With();
        world.Http.Reply(status, JsonSerializer.Serialize(new { error = code, error_description = "not for people" }));

        var failure = (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(kind);

        failure.Reason.ShouldBe($"HTTP {status} {code}");
        failure.ProviderCode.ShouldBe(code);
    }

    [Fact]
    public async Task A_renewals_invalid_grant_is_the_refresh_tokens()
    {
        using var world = With();
        world.Http.Reply(400, """{"error":"invalid_grant"}""");

        (await world.Acme().RenewAsync(Order(), Held, default)).ShouldHaveFailed(FailureKind.GrantRevoked);
    }

    [Theory]
    [InlineData(401, FailureKind.InvalidResponse)]
    [InlineData(502, FailureKind.ProviderDown)]
    [InlineData(404, FailureKind.InvalidResponse)]
    public async Task Without_an_error_code_the_status_decides(int status, FailureKind kind)
    {
        using var world = With();
        world.Http.Reply(status, "<html>");

        (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(kind).Reason.ShouldBe($"HTTP {status} without an error code of the provider");
    }

    [Theory]
    [InlineData(200, null)]
    [InlineData(204, null)]
    [InlineData(401, FailureKind.CredentialRejected)]
    [InlineData(403, FailureKind.CredentialRejected)]
    [InlineData(500, FailureKind.ProviderDown)]
    [InlineData(302, FailureKind.InvalidResponse)]
    public async Task A_probe_gets_its_address_with_the_token(int status, FailureKind? kind)
    {
        using var world = With(("ProbeUrl", "https://api.example.com/v1/me?fields=id"));
        world.Http.Reply(status, "");

        var probe = await world.Acme().ProbeAsync(Order(), Held, default);

        (probe.Accepted, probe.HttpStatus, probe.Failure?.Kind).ShouldBe((kind is null, status, kind));
        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Get);
        sent.Address.AbsoluteUri.ShouldBe("https://api.example.com/v1/me?fields=id");
        sent.Headers["Authorization"].ShouldBe("Bearer access-1");
    }

    [Fact]
    public async Task Without_a_probe_address_the_setting_is_named_and_no_call_is_made()
    {
        using var world = With();

        var probe = await world.Acme().ProbeAsync(Order(), Held, default);

        probe.Failure!.Kind.ShouldBe(FailureKind.Configuration);
        probe.Failure.Reason.ShouldContain("Providers__Acme__ProbeUrl");
        world.Http.Sent.ShouldBeEmpty();
    }
}
