using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Providers.Finnotech;

namespace TokenRefresh.Tests.Providers.Finnotech;

public sealed class FinnotechAnswerTests : IDisposable
{
    private static readonly TokenOrder Order = ProviderWorld.Order("fino", "oak:iban-inquiry:get");

    private readonly ProviderWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void Without_time_zone_data_the_offset_of_today_does()
    {
        var created = new DateTime(2026, 6, 1, 12, 0, 0, DateTimeKind.Unspecified);

        FinnotechAnswers.ZoneOrOffset("Asia/No_such_zone").GetUtcOffset(created).ShouldBe(TimeSpan.FromHours(3.5));
        FinnotechAnswers.ZoneOrOffset("Asia/Tehran").GetUtcOffset(created).ShouldBe(TimeSpan.FromHours(3.5));
        FinnotechAnswers.ZoneOrOffset("Asia/Tehran").GetUtcOffset(created.AddYears(-7)).ShouldBe(TimeSpan.FromHours(4.5), "the zone is used where it is there");
    }

    [Fact]
    public async Task The_documented_answer_is_read_in_full_and_the_earlier_of_its_expiries_stands()
    {
        var token = await AcquireAsync("""
            { "value": "access-2", "scopes": [ "oak:iban-inquiry:get", "facility:card-to-iban:get" ], "lifeTime": 864000000,
              "creationDate": "14030615084530", "refreshToken": "refresh-2" }
            """);

        token.AccessToken.ShouldBe("access-2");
        token.RefreshToken.ShouldBe("refresh-2");
        token.Scopes.ShouldBe(["oak:iban-inquiry:get", "facility:card-to-iban:get"]);
        token.RequestedAt.ShouldBe(ProviderWorld.Now);
        token.ExpiresAt.ShouldBe(new DateTimeOffset(2024, 9, 15, 5, 15, 30, TimeSpan.Zero));
        token.RefreshExpiresAt.ShouldBeNull();
    }

    [Fact]
    public async Task Everything_but_the_value_may_be_missing_and_ten_days_are_the_documented_life()
    {
        var token = await AcquireAsync("""{ "value": "access-2" }""");

        token.RefreshToken.ShouldBeNull();
        token.Scopes.ShouldBeEmpty();
        token.ExpiresAt.ShouldBe(ProviderWorld.Now.AddDays(10));
    }

    [Fact]
    public async Task Null_fields_are_missing_fields() =>
        (await AcquireAsync("""{ "value": "access-2", "refreshToken": null, "lifeTime": null, "creationDate": null, "scopes": null }""")).ExpiresAt.ShouldBe(ProviderWorld.Now.AddDays(10));

    [Theory]
    [InlineData("864000000")]
    [InlineData("\"864000000\"")]
    [InlineData("\" 864000000 \"")]
    [InlineData("\"864000000.0\"")]
    [InlineData("8.64e8")]
    public async Task The_lifetime_is_milliseconds_as_number_or_text(string lifeTime) =>
        (await AcquireAsync($$"""{ "value": "access-2", "lifeTime": {{lifeTime}} }""")).ExpiresAt.ShouldBe(ProviderWorld.Now.AddDays(10));

    [Theory]
    [InlineData("14030616084530")]
    [InlineData("93781013235959")]
    public async Task A_creation_in_the_future_does_not_lengthen_the_life(string creationDate) =>
        (await AcquireAsync($$"""{ "value": "access-2", "lifeTime": 864000000, "creationDate": "{{creationDate}}" }""")).ExpiresAt.ShouldBe(ProviderWorld.Now.AddDays(10));

    [Fact]
    public async Task The_expiry_inside_the_token_counts_where_it_is_earlier() =>
        (await AcquireAsync(JsonSerializer.Serialize(new { value = Jwt.Expiring(ProviderWorld.Now.AddDays(3)), lifeTime = 864000000 }))).ExpiresAt.ShouldBe(ProviderWorld.Now.AddDays(3));

    [Fact]
    public async Task The_expiry_inside_the_token_stands_in_for_a_missing_lifetime() =>
        (await AcquireAsync(JsonSerializer.Serialize(new { value = Jwt.Expiring(ProviderWorld.Now.AddDays(20)) }))).ExpiresAt.ShouldBe(ProviderWorld.Now.AddDays(20));

    [Fact]
    public async Task Scopes_joined_by_commas_inside_the_array_are_split() =>
        (await AcquireAsync("""{ "value": "access-2", "scopes": [ "a:b:get, c:d:post", "e:f:get" ] }""")).Scopes.ShouldBe(["a:b:get", "c:d:post", "e:f:get"]);

    [Fact]
    public async Task Scopes_in_no_readable_shape_cost_no_token() =>
        (await AcquireAsync("""{ "value": "access-2", "scopes": [ "a:b:get", 7, "\ud800" ] }""")).Scopes.ShouldBe(["a:b:get"]);

    // The first three are samples of the documents, proven by the JWT beside them; the second is in Iran's summer time.
    [Theory]
    [InlineData("13970730111355", "2018-10-22T07:43:55Z")]
    [InlineData("13980412134609", "2019-07-03T09:16:09Z")]
    [InlineData("14030619133657", "2024-09-09T10:06:57Z")]
    [InlineData("14030615084530", "2024-09-05T05:15:30Z")]
    [InlineData("14031230120000", "2025-03-20T08:30:00Z")]
    public async Task The_creation_is_jalali_in_tehran(string jalali, string instant)
    {
        var created = DateTimeOffset.Parse(instant, System.Globalization.CultureInfo.InvariantCulture);
        using var then = new ProviderWorld(created.AddMinutes(5));
        then.Http.Reply(200, $$"""{ "result": { "value": "access-2", "lifeTime": 3600000, "creationDate": "{{jalali}}" }, "status": "DONE" }""");

        (await then.Finnotech.AcquireAsync(Order, default)).ShouldBeIssued().ExpiresAt.ShouldBe(created.AddHours(1));
    }

    [Theory]
    [InlineData("\"14031330084530\"")]
    [InlineData("\"14030631250000\"")]
    [InlineData("\"14021230000000\"")]
    [InlineData("\"00000000000000\"")]
    [InlineData("\"99999999999999\"")]
    [InlineData("\"1403061508453\"")]
    [InlineData("\"2024-09-05T05:15\"")]
    [InlineData("\"۱۴۰۳۰۶۱۵۰۸۴۵۳۰\"")]
    [InlineData("\"\"")]
    [InlineData("14030615084530")]
    public async Task A_creation_that_is_no_date_is_an_invalid_answer(string creationDate)
    {
        Reply(200, $$"""{ "value": "access-2", "lifeTime": 864000000, "creationDate": {{creationDate}} }""");

        (await world.Finnotech.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("\"-864000000\"")]
    [InlineData("31622400001")]
    [InlineData("1e300")]
    [InlineData("1e999")]
    [InlineData("\"NaN\"")]
    [InlineData("\"ten days\"")]
    [InlineData("\"\"")]
    [InlineData("true")]
    [InlineData("[]")]
    public async Task A_lifetime_that_is_absurd_is_an_invalid_answer(string lifeTime)
    {
        Reply(200, $$"""{ "value": "access-2", "lifeTime": {{lifeTime}} }""");

        (await world.Finnotech.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse);
    }

    [Fact]
    public async Task A_token_that_had_died_before_it_came_is_an_invalid_answer()
    {
        Reply(200, """{ "value": "access-2", "lifeTime": 3600000, "creationDate": "14030101000000" }""");

        (await world.Finnotech.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse);
    }

    [Fact]
    public async Task A_success_keeps_its_status_and_the_id_that_it_states()
    {
        world.Http.Reply(200, """{ "result": { "value": "access-2" }, "status": "DONE", "trackId": "9c41e07ab2d3" }""");

        var issued = (await world.Finnotech.AcquireAsync(Order, default)).ShouldBeOfType<ProviderResult.Issued>();

        (issued.HttpStatus, issued.TrackId).ShouldBe((200, "9c41e07ab2d3"));
    }

    private async Task<IssuedToken> AcquireAsync(string result)
    {
        Reply(200, result);
        return (await world.Finnotech.AcquireAsync(Order, default)).ShouldBeIssued();
    }

    private void Reply(int status, string result) => world.Http.Reply(status, $$"""{ "result": {{result}}, "status": "DONE" }""");
}
