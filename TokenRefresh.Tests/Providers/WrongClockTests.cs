using System.Globalization;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Providers.OAuth2;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Providers;

/// <summary>This machine's clock is wrong: expiries are reckoned by the provider's, told in ours, and how far the two differ is said.</summary>
public sealed class WrongClockTests
{
    private static readonly DateTimeOffset Now = ProviderWorld.Now;

    public static TheoryData<int> Wrong => new(10, 70, -10, -70, 60 * 24 * 400);

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_jwt_is_good_for_as_long_as_it_is_by_the_clock_of_the_answer_s_date(int minutesAhead)
    {
        var theirs = Now.AddMinutes(-minutesAhead);

        foreach (var body in new[] { Answer(theirs, 3600, 3600), Answer(theirs, 3600, null), $$"""{"access_token":"opaque","expires_at":{{theirs.AddHours(1).ToUnixTimeSeconds()}} }""" })
        {
            var issued = await AskAsync(body, theirs);

            issued.Token.RequestedAt.ShouldBe(Now);
            issued.Token.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
            issued.Clock.ShouldNotBeNull().Ahead.ShouldBe(TimeSpan.FromMinutes(minutesAhead), TimeSpan.FromSeconds(1));
            issued.Clock.IsSignificant.ShouldBeTrue();
        }
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Without_a_date_a_jwt_that_agrees_with_its_answer_shows_the_clock(int minutesAhead)
    {
        var issued = await AskAsync(Answer(Now.AddMinutes(-minutesAhead), 3600, 3600), null);

        issued.Token.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
        issued.Clock.ShouldNotBeNull().Ahead.ShouldBe(TimeSpan.FromMinutes(minutesAhead), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task An_expired_jwt_of_which_the_answer_says_that_it_is_valid_shows_a_clock_that_even_the_gateway_s_date_hides()
    {
        var issued = await AskAsync(Answer(Now.AddMinutes(-70), 3600, 3600), Now);

        issued.Token.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
        issued.Clock.ShouldNotBeNull().Ahead.ShouldBe(TimeSpan.FromMinutes(70), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_token_that_was_issued_in_the_future_ends_by_the_clock_of_who_issued_it()
    {
        var issued = await AskAsync(Answer(Now.AddMinutes(10), 3600, null), null);

        issued.Token.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
        issued.Clock.ShouldNotBeNull().Ahead.ShouldBe(TimeSpan.FromMinutes(-10), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_token_that_a_server_hands_out_again_ends_when_it_says_and_shows_no_clock()
    {
        var issued = await AskAsync(Answer(Now.AddMinutes(-10), 3600, 3600), Now);

        issued.Token.ExpiresAt.ShouldBe(Now.AddMinutes(50), TimeSpan.FromSeconds(1));
        issued.Clock.ShouldNotBeNull().IsSignificant.ShouldBeFalse();
    }

    [Fact]
    public async Task A_date_by_which_a_good_token_would_be_expired_is_not_believed()
    {
        var issued = await AskAsync(Answer(Now, 3600, null), Now.AddDays(300));

        issued.Token.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
        issued.Clock.ShouldBeNull();
    }

    [Fact]
    public async Task A_token_that_is_expired_by_its_provider_s_own_clock_is_refused()
    {
        using var world = OAuth2World.With();
        world.Http.Reply(200, Answer(Now.AddMinutes(-70), 3600, null), "application/json", Date(Now));

        (await world.Acme().AcquireAsync(OAuth2World.Order(), default)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldContain("not plausible");
    }

    [Fact]
    public async Task Some_seconds_are_the_call_s_own_time()
    {
        var issued = await AskAsync(Answer(Now.AddSeconds(-4), 3600, 3600), Now.AddSeconds(-4));

        issued.Clock.ShouldNotBeNull().IsSignificant.ShouldBeFalse();
        issued.Token.ExpiresAt.ShouldBe(Now.AddHours(1).AddSeconds(-4), TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(70)]
    [InlineData(-70)]
    public async Task Jibit_s_and_finnotech_s_tokens_are_reckoned_so_too(int minutesAhead)
    {
        using var world = new ProviderWorld();
        var theirs = Now.AddMinutes(-minutesAhead);
        world.Http.Reply(200, $$"""{"accessToken":"{{Token(theirs, 3600)}}","refreshToken":"r"}""", "application/json", Date(theirs));
        world.Http.Reply(200, $$"""{"status":"DONE","result":{"value":"{{Token(theirs, 3600)}}","lifeTime":3600000,"refreshToken":"r"} }""", "application/json", Date(theirs));

        var jibit = (await world.Jibit.AcquireAsync(ProviderWorld.Order(), default)).ShouldBeIssued();
        var finnotech = (await world.Finnotech.AcquireAsync(ProviderWorld.Order("fino", "a:b:get"), default)).ShouldBeIssued();

        jibit.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
        jibit.RefreshExpiresAt.ShouldBe(Now.AddHours(48));
        finnotech.ExpiresAt.ShouldBe(Now.AddHours(1), TimeSpan.FromSeconds(1));
    }

    private static async Task<ProviderResult.Issued> AskAsync(string body, DateTimeOffset? date)
    {
        using var world = OAuth2World.With();
        world.Http.Reply(200, body, "application/json", date is { } at ? [Date(at)] : []);
        var result = await world.Acme().AcquireAsync(OAuth2World.Order(), default);
        result.ShouldBeIssued();
        return (ProviderResult.Issued)result;
    }

    private static (string Name, string Value) Date(DateTimeOffset at) => ("Date", at.ToString("R", CultureInfo.InvariantCulture));

    private static string Answer(DateTimeOffset issued, int life, int? stated) => stated is null
        ? $$"""{"access_token":"{{Token(issued, life)}}"}"""
        : $$"""{"access_token":"{{Token(issued, life)}}","expires_in":{{stated}} }""";

    private static string Token(DateTimeOffset issued, int life) =>
        Jwt.With($$"""{"iat":{{issued.ToUnixTimeSeconds()}},"exp":{{issued.AddSeconds(life).ToUnixTimeSeconds()}} }""");
}
