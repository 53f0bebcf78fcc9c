using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers.Finnotech;

public sealed class FinnotechWireTests : IDisposable
{
    /// <summary>The documents' own example of a Basic header for this invented pair.</summary>
    private const string Basic = "Basic ZGVtby1hcHA6ZGVtby1zZWNyZXQtMDAwMQ==";

    private const string Done = """{ "result": { "value": "access-2" }, "status": "DONE" }""";

    private static readonly HeldToken Held = new("access-1", "refresh-1");

    private readonly ProviderWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public async Task Acquiring_sends_the_three_documented_fields_with_the_client_s_header()
    {
        world.Http.Reply(200, Done);

        await world.Finnotech.AcquireAsync(ProviderWorld.Order("fino", "oak:iban-inquiry:get,facility:card-to-iban:get"), default);

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Post);
        sent.Address.ShouldBe(new Uri("https://api.finnotech.ir/dev/v2/oauth2/token"));
        sent.Headers["Authorization"].ShouldBe(Basic);
        sent.ShouldHaveHeaders("Authorization");
        sent.Headers["Content-Type"].ShouldStartWith("application/json");
        sent.ShouldHaveBody(("grant_type", "client_credentials"), ("nid", ProviderWorld.NationalId), ("scopes", "oak:iban-inquiry:get,facility:card-to-iban:get"));
    }

    [Fact]
    public async Task Acquiring_without_scopes_is_a_matter_of_settings_and_makes_no_call()
    {
        (await world.Finnotech.AcquireAsync(ProviderWorld.Order("fino"), default)).ShouldHaveFailed(FailureKind.Configuration).Reason.ShouldContain("Tokens__fino__Scopes");

        world.Http.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_grant_that_a_person_started_is_not_started_anew()
    {
        (await world.Finnotech.AcquireAsync(ProviderWorld.Order("fino", "a:b:get", Grant.Imported), default)).ShouldHaveFailed(FailureKind.GrantRevoked);

        world.Http.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task Renewing_a_client_credential_sends_exactly_three_fields()
    {
        await RenewAsync(ProviderWorld.Order("fino", "a:b:get", parameters: ("bank", "062")));

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Address.ShouldBe(new Uri("https://api.finnotech.ir/dev/v2/oauth2/token"));
        sent.Headers["Authorization"].ShouldBe(Basic);
        sent.ShouldHaveHeaders("Authorization");
        sent.ShouldHaveBody(("grant_type", "refresh_token"), ("token_type", "CLIENT-CREDENTIAL"), ("refresh_token", "refresh-1"));
    }

    [Fact]
    public async Task Renewing_a_token_that_was_approved_by_sms_says_so()
    {
        await RenewAsync(ProviderWorld.Order(grant: Grant.Imported));

        world.Http.Sent.Single().ShouldHaveBody(("grant_type", "refresh_token"), ("token_type", "CODE"), ("refresh_token", "refresh-1"), ("auth_type", "SMS"));
    }

    [Fact]
    public async Task Renewing_a_token_of_a_bank_s_sign_in_names_the_bank()
    {
        await RenewAsync(ProviderWorld.Order(grant: Grant.Imported, parameters: ("bank", "062")));

        world.Http.Sent.Single().ShouldHaveBody(("grant_type", "refresh_token"), ("token_type", "CODE"), ("refresh_token", "refresh-1"), ("bank", "062"));
    }

    [Fact]
    public async Task Renewing_a_bank_s_token_names_the_deposit_where_there_is_one()
    {
        await RenewAsync(ProviderWorld.Order(grant: Grant.Imported, parameters: [("bank", "016"), ("deposit", "1234")]));

        world.Http.Sent.Single().ShouldHaveBody(("grant_type", "refresh_token"), ("token_type", "CODE"), ("refresh_token", "refresh-1"), ("bank", "016"), ("deposit", "1234"));
    }

    [Theory]
    [InlineData("62")]
    [InlineData("0062")]
    [InlineData("ayandeh")]
    [InlineData("06a")]
    public async Task A_bank_that_is_not_three_digits_is_a_matter_of_settings_and_makes_no_call(string bank)
    {
        var order = ProviderWorld.Order("fino_sms", grant: Grant.Imported, parameters: ("bank", bank));

        (await world.Finnotech.RenewAsync(order, Held, default)).ShouldHaveFailed(FailureKind.Configuration).Reason.ShouldContain("Tokens__fino_sms__Parameters");
        (await world.Finnotech.RevokeAsync(order, Held, default))!.Kind.ShouldBe(FailureKind.Configuration);

        world.Http.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task Renewing_without_a_refresh_token_is_a_mistake_of_the_caller() =>
        await Should.ThrowAsync<ArgumentException>(() => world.Finnotech.RenewAsync(ProviderWorld.Order(), new("access-1", null), default));

    [Fact]
    public async Task Revoking_is_a_delete_with_the_access_token_in_header_and_body()
    {
        world.Http.Reply(200, """{ "status": "DONE", "trackId": "9c41e07ab2d3" }""");

        (await world.Finnotech.RevokeAsync(ProviderWorld.Order(), Held, default)).ShouldBeNull();

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Delete);
        sent.Address.AbsolutePath.ShouldBe("/dev/v2/clients/demo-app/token");
        sent.Headers["Authorization"].ShouldBe("Bearer access-1");
        sent.ShouldHaveBody(("token", "access-1"), ("token_type", "CLIENT-CREDENTIAL"));
    }

    [Fact]
    public async Task Revoking_a_token_that_a_person_started_names_how()
    {
        world.Http.Reply(200, """{ "status": "DONE" }""");
        world.Http.Reply(200, """{ "status": "DONE" }""");

        await world.Finnotech.RevokeAsync(ProviderWorld.Order(grant: Grant.Imported), Held, default);
        await world.Finnotech.RevokeAsync(ProviderWorld.Order(grant: Grant.Imported, parameters: ("bank", "062")), Held, default);

        world.Http.Sent[0].ShouldHaveBody(("token", "access-1"), ("token_type", "CODE"), ("auth_type", "SMS"));
        world.Http.Sent[1].ShouldHaveBody(("token", "access-1"), ("token_type", "CODE"), ("bank", "062"));
    }

    [Fact]
    public async Task Probing_lists_the_tokens_with_a_track_id_of_letters_and_digits_in_the_query()
    {
        world.Http.Reply(200, """{ "result": { "clientCredentials": [], "sms": [] }, "status": "DONE", "trackId": "x" }""");

        var probe = await world.Finnotech.ProbeAsync(ProviderWorld.Order(), Held, default);

        probe.Accepted.ShouldBeTrue();
        probe.HttpStatus.ShouldBe(200);
        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Get);
        sent.Address.AbsolutePath.ShouldBe("/dev/v2/clients/demo-app/tokens");
        sent.Address.Query.ShouldMatch("^\\?trackId=[A-Za-z0-9]{1,40}$");
        sent.ShouldHaveHeaders("Authorization");
        sent.Headers["Authorization"].ShouldBe("Bearer access-1");
    }

    private Task<ProviderResult> RenewAsync(TokenOrder order)
    {
        world.Http.Reply(200, Done);
        return world.Finnotech.RenewAsync(order, Held, default);
    }
}
