using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers.Jibit;

public sealed class JibitWireTests : IDisposable
{
    private const string Pair = """{ "accessToken": "access-2", "refreshToken": "refresh-2" }""";

    private static readonly TokenOrder Order = ProviderWorld.Order();
    private static readonly HeldToken Held = new("access-1", "refresh-1");

    private readonly ProviderWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public async Task Acquiring_posts_both_keys_to_the_documented_address_and_nothing_else()
    {
        world.Http.Reply(200, Pair);

        await world.Jibit.AcquireAsync(Order, default);

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Post);
        sent.Address.ShouldBe(new Uri("https://napi.jibit.ir/ide/v1/tokens/generate"));
        sent.ShouldHaveBody(("apiKey", ProviderWorld.ApiKey), ("secretKey", ProviderWorld.SecretKey));
        sent.ShouldHaveHeaders("X-TRACK-ID");
        sent.Headers["Content-Type"].ShouldStartWith("application/json");
    }

    [Fact]
    public async Task Renewing_posts_both_tokens_and_no_authorization()
    {
        world.Http.Reply(200, Pair);

        await world.Jibit.RenewAsync(Order, Held, default);

        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Post);
        sent.Address.ShouldBe(new Uri("https://napi.jibit.ir/ide/v1/tokens/refresh"));
        sent.ShouldHaveBody(("accessToken", "access-1"), ("refreshToken", "refresh-1"));
        sent.ShouldHaveHeaders("X-TRACK-ID");
    }

    [Fact]
    public async Task Every_call_has_a_track_id_of_its_own_that_fits_the_limit()
    {
        world.Http.Reply(200, Pair);
        world.Http.Reply(200, Pair);

        await world.Jibit.AcquireAsync(Order, default);
        await world.Jibit.RenewAsync(Order, Held, default);

        var ids = world.Http.Sent.Select(sent => sent.Headers["X-TRACK-ID"]).ToArray();
        ids.ShouldBeUnique();
        ids.ShouldAllBe(id => id.Length == 36);
        ids.ShouldAllBe(id => Guid.Parse(id) != Guid.Empty);
    }

    [Fact]
    public async Task A_pair_lives_a_day_and_its_refresh_token_two_from_before_the_request()
    {
        world.Http.Reply(200, Pair);

        var token = (await world.Jibit.AcquireAsync(Order, default)).ShouldBeIssued();

        token.AccessToken.ShouldBe("access-2");
        token.RefreshToken.ShouldBe("refresh-2");
        token.RequestedAt.ShouldBe(ProviderWorld.Now);
        token.ExpiresAt.ShouldBe(ProviderWorld.Now.AddHours(24));
        token.RefreshExpiresAt.ShouldBe(ProviderWorld.Now.AddHours(48));
        token.Scopes.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(6, 6)]
    [InlineData(30, 24)]
    public async Task The_expiry_inside_the_token_counts_where_it_is_earlier_than_the_promise(int hoursInside, int hoursExpected)
    {
        world.Http.Reply(200, JsonSerializer.Serialize(new { accessToken = Jwt.Expiring(ProviderWorld.Now.AddHours(hoursInside)), refreshToken = "refresh-2" }));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldBeIssued().ExpiresAt.ShouldBe(ProviderWorld.Now.AddHours(hoursExpected));
    }

    [Fact]
    public async Task A_field_that_the_document_does_not_know_is_no_harm()
    {
        world.Http.Reply(200, """{ "accessToken": "access-2", "refreshToken": "refresh-2", "expiresIn": 1, "more": { "a": [null] } }""");

        (await world.Jibit.AcquireAsync(Order, default)).ShouldBeIssued().ExpiresAt.ShouldBe(ProviderWorld.Now.AddHours(24));
    }

    [Fact]
    public async Task The_track_id_comes_back_with_the_token()
    {
        world.Http.Reply(200, Pair, headers: ("X-TRACK-ID", "track-of-jibit"));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldBeOfType<ProviderResult.Issued>().TrackId.ShouldBe("track-of-jibit");
    }

    [Fact]
    public async Task Without_an_echo_the_track_id_that_was_sent_stands_in_the_failure()
    {
        world.Http.Throw(new HttpRequestException("no answer"));

        var failure = (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown);

        failure.TrackId.ShouldBe(world.Http.Sent.Single().Headers["X-TRACK-ID"]);
    }

    [Fact]
    public async Task Probing_asks_for_the_balances_with_the_stored_token()
    {
        world.Http.Reply(200, """{ "balances": [ { "balanceType": "PRF", "currency": "RIALS", "amount": 1250000 } ] }""");

        var probe = await world.Jibit.ProbeAsync(Order, Held, default);

        probe.Accepted.ShouldBeTrue();
        probe.HttpStatus.ShouldBe(200);
        var sent = world.Http.Sent.ShouldHaveSingleItem();
        sent.Method.ShouldBe(HttpMethod.Get);
        sent.Address.ShouldBe(new Uri("https://napi.jibit.ir/ide/v1/balances"));
        sent.Headers["Authorization"].ShouldBe("Bearer access-1");
        sent.ShouldHaveHeaders("Authorization", "X-TRACK-ID");
    }

    [Fact]
    public async Task A_refused_probe_tells_status_and_code()
    {
        world.Http.Reply(403, """{ "code": "forbidden", "message": "x" }""");

        var probe = await world.Jibit.ProbeAsync(Order, Held, default);

        probe.Accepted.ShouldBeFalse();
        probe.HttpStatus.ShouldBe(403);
        probe.Failure!.Kind.ShouldBe(FailureKind.CredentialRejected);
        probe.Failure.ProviderCode.ShouldBe("forbidden");
    }

    [Fact]
    public async Task Revoking_is_refused_without_a_call_because_no_document_knows_it()
    {
        (await world.Jibit.RevokeAsync(Order, Held, default))!.Kind.ShouldBe(FailureKind.Configuration);

        world.Http.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task Renewing_without_a_refresh_token_is_a_mistake_of_the_caller() =>
        await Should.ThrowAsync<ArgumentException>(() => world.Jibit.RenewAsync(Order, new("access-1", null), default));
}
