using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class FinnotechClientCallsTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Fact]
    public async Task The_list_shows_a_clients_living_tokens_and_no_token_value()
    {
        var pair = await Host.AcquireFinnotechAsync();
        await Host.AcquireFinnotechAsync("other-app");

        var answer = await Host.ListAsync(pair.Value, "?trackId=2b8e6a10");

        answer.Status.ShouldBe(200);
        ((string?)answer.Json["status"]).ShouldBe("DONE");
        ((string?)answer.Json["trackId"]).ShouldBe("2b8e6a10");
        var item = answer.Json["result"]!["clientCredentials"]!.AsArray().ShouldHaveSingleItem()!;
        ((string)item["id"]!).ShouldMatch("^[0-9a-f]{24}$");
        ((string?)item["clientId"]).ShouldBe("demo-app");
        ((string?)item["userId"]).ShouldBe("0099999988");
        ((string?)item["type"]).ShouldBe("CLIENT-CREDENTIAL");
        ((long?)item["lifeTime"]).ShouldBe(864_000_000);
        ((string?)item["creationDate"]).ShouldBe("14030615084530");
        item["scopes"]!.AsArray().Count.ShouldBe(2);
        answer.Text.ShouldNotContain(pair.Value);
        answer.Text.ShouldNotContain(pair.RefreshToken);
    }

    [Fact]
    public async Task The_list_leaves_out_what_has_expired()
    {
        await Host.AcquireFinnotechAsync();
        Clock.Advance(TimeSpan.FromDays(10));
        var living = await Host.AcquireFinnotechAsync();

        var answer = await Host.ListAsync(living.Value);

        answer.Json["result"]!["clientCredentials"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_list_of_a_bank_holds_what_people_granted_there()
    {
        var answer = await Host.ListAsync((await Host.AcquireFinnotechAsync()).Value, "?bank=062");

        answer.Json["result"]!.AsObject().Select(field => field.Key).ShouldBe(["authorizationCode"]);
    }

    [Fact]
    public async Task A_service_call_without_a_track_id_is_given_one()
    {
        var answer = await Host.ListAsync((await Host.AcquireFinnotechAsync()).Value);

        Guid.TryParse((string?)answer.Json["trackId"], out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData("?bank=62", "bank must have 3 digits")]
    [InlineData("?trackId=12345678901234567890123456789012345678901", "trackId must have at most 40 letters and digits")]
    [InlineData("?trackId=a%20b", "trackId must have at most 40 letters and digits")]
    public async Task A_wrong_query_is_refused(string query, string message)
    {
        var answer = await Host.ListAsync((await Host.AcquireFinnotechAsync()).Value, query);

        (answer.Status, answer.Error).ShouldBe((400, "VALIDATION_ERROR: " + message));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("unknown")]
    public async Task A_bad_or_missing_bearer_is_an_invalid_token(string? bearer)
    {
        var answer = await Host.ListAsync(bearer);

        (answer.Status, answer.Error).ShouldBe((403, "VALIDATION_ERROR: invalid token"));
    }

    [Fact]
    public async Task A_client_may_not_look_at_another()
    {
        var other = await Host.AcquireFinnotechAsync("other-app");

        (await Host.ListAsync(other.Value)).Status.ShouldBe(403);
    }

    [Fact]
    public async Task An_expired_bearer_is_an_invalid_token()
    {
        var pair = await Host.AcquireFinnotechAsync();
        Clock.Advance(TimeSpan.FromDays(10));

        (await Host.ListAsync(pair.Value)).Error.ShouldBe("VALIDATION_ERROR: invalid token");
    }

    [Fact]
    public async Task A_token_may_revoke_itself_and_its_refresh_token_dies_with_it()
    {
        var pair = await Host.AcquireFinnotechAsync();

        var answer = await Host.RevokeAsync(pair.Value, FinnotechCalls.Revocation(pair.Value), "?trackId=9c41e07ab2d3");

        answer.Status.ShouldBe(200);
        answer.Text.ShouldBe("""{"status":"DONE","trackId":"9c41e07ab2d3"}""");
        (await Host.ListAsync(pair.Value)).Status.ShouldBe(403);
        (await Host.RenewAsync(pair.RefreshToken)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Another_clients_token_cannot_be_revoked()
    {
        var (mine, other) = (await Host.AcquireFinnotechAsync(), await Host.AcquireFinnotechAsync("other-app"));

        var answer = await Host.RevokeAsync(mine.Value, FinnotechCalls.Revocation(other.Value));

        (answer.Status, answer.Error).ShouldBe((400, "VALIDATION_ERROR: invalid token"));
        (await Host.RenewAsync(other.RefreshToken, "other-app")).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("""{"token_type":"CLIENT-CREDENTIAL"}""", "token is required")]
    [InlineData("""{"token":"t"}""", "token_type is required")]
    [InlineData("""{"token":"t","token_type":"BEARER"}""", "token_type is not valid")]
    [InlineData("""{"token":"t","token_type":"CODE"}""", "bank is required")]
    [InlineData("""{"token":"t","token_type":"CLIENT-CREDENTIAL","nid":"0099999988"}""", "nid is not allowed")]
    [InlineData("""{"token":"t","token_type":"CLIENT-CREDENTIAL"}""", "invalid token")]
    [InlineData("""{"token":"t","token_type":"CODE","auth_type":"SMS"}""", "invalid token")]
    [InlineData("", "body is not valid JSON")]
    public async Task A_wrong_revocation_is_refused_by_naming_the_field(string body, string message)
    {
        var answer = await Host.RevokeAsync((await Host.AcquireFinnotechAsync()).Value, body);

        (answer.Status, answer.Error).ShouldBe((400, "VALIDATION_ERROR: " + message));
    }
}
