using System.Globalization;
using CsCheck;
using Shouldly;
using TokenRefresh.Providers;
using static TokenRefresh.Tests.Providers.OAuth2.OAuth2World;

namespace TokenRefresh.Tests.Providers.OAuth2;

/// <summary>When tokens end, by the many ways in which answers state it. Now is 2024-09-05T05:15:40Z, which is 1725513340 s since 1970.</summary>
public sealed class StatedExpiryTests
{
    private const double Default = 1800;

    private static readonly double Year = TimeSpan.FromDays(366).TotalSeconds;

    [Theory]
    [InlineData("0")]
    [InlineData("0.0")]
    [InlineData("\"0\"")]
    [InlineData("\"0s\"")]
    [InlineData("\"\"")]
    [InlineData("\"  \"")]
    [InlineData("-1")]
    [InlineData("-1.0")]
    [InlineData("\"-1\"")]
    [InlineData("\"never\"")]
    [InlineData("\"unlimited\"")]
    [InlineData("\"NaN\"")]
    [InlineData("true")]
    [InlineData("false")]
    [InlineData("{}")]
    [InlineData("[3600]")]
    public async Task What_tells_no_lifetime_is_as_if_it_were_not_stated_and_is_noted(string value)
    {
        var token = await IssuedAsync($"\"expires_in\":{value}");

        LifeOf(token).ShouldBe(Default);
        token.Notes.ShouldHaveSingleItem().ShouldStartWith("expires_in is ");
    }

    [Theory]
    [InlineData("3600")]
    [InlineData("3600.0")]
    [InlineData("3.6e3")]
    [InlineData("\"3600\"")]
    [InlineData("\" 3600\"")]
    [InlineData("\"3600\\n\"")]
    [InlineData("\"+3600\"")]
    [InlineData("\"3600.0\"")]
    [InlineData("\"3.6E3\"")]
    [InlineData("\"3600s\"")]
    [InlineData("\"3600 seconds\"")]
    [InlineData("\"60 min\"")]
    [InlineData("\"60m\"")]
    [InlineData("\"1h\"")]
    [InlineData("\"1 Hour\"")]
    [InlineData("\"3600000ms\"")]
    [InlineData("\"PT1H\"")]
    [InlineData("\"01:00:00\"")]
    [InlineData("\"۳۶۰۰\"")]
    [InlineData("1725516940")]
    [InlineData("\"2024-09-05T06:15:40Z\"")]
    public async Task A_lifetime_of_an_hour_is_read_in_every_form(string value) => LifeOf(await IssuedAsync($"\"expires_in\":{value}")).ShouldBe(3600);

    [Theory]
    [InlineData("63072000")]
    [InlineData("2147483647")]
    [InlineData("\"2147483647\"")]
    [InlineData("9223372036854775807")]
    [InlineData("1e300")]
    [InlineData("1e999")]
    [InlineData("\"1e400\"")]
    [InlineData("31622401")]
    [InlineData("\"10000 days\"")]
    public async Task More_than_a_year_is_a_year_with_a_note(string value)
    {
        var token = await IssuedAsync($"\"expires_in\":{value}");

        LifeOf(token).ShouldBe(Year);
        token.Notes.ShouldBe(["expires_in is more than a year ahead: a year is assumed"]);
    }

    [Fact]
    public async Task A_year_to_the_second_needs_no_note()
    {
        var token = await IssuedAsync("\"expires_in\":31622400");

        LifeOf(token).ShouldBe(Year);
        token.Notes.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("-5")]
    [InlineData("-3600")]
    [InlineData("\"-2\"")]
    [InlineData("\"-5s\"")]
    [InlineData("-0.5")]
    [InlineData("-1e300")]
    [InlineData("-1e999")]
    [InlineData("\"-PT1H\"")]
    public async Task Any_other_negative_number_is_an_invalid_answer(string value)
    {
        foreach (var name in new[] { "expires_in", "ext_expires_in" })
        {
            (await AskAsync($"\"{name}\":{value}")).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldContain($"{name} is negative");
        }
    }

    [Theory]
    [InlineData("\"expires_at\":1725513940")]
    [InlineData("\"expires_at\":1725513940.0")]
    [InlineData("\"expires_at\":\"1725513940\"")]
    [InlineData("\"expires_at\":1725513940000")]
    [InlineData("\"expires_at\":\"1725513940000\"")]
    [InlineData("\"expires_at\":1725513940000000")]
    [InlineData("\"expires_at\":\"2024-09-05T05:25:40Z\"")]
    [InlineData("\"expires_at\":\"2024-09-05T05:25:40.000Z\"")]
    [InlineData("\"expires_at\":\"2024-09-05T05:25:40.0000000+00:00\"")]
    [InlineData("\"expires_at\":\"2024-09-05T08:55:40+03:30\"")]
    [InlineData("\"expires_at\":\"2024-09-05T08:55:40+0330\"")]
    [InlineData("\"expires_at\":\"2024-09-05T05:25:40\"")]
    [InlineData("\"expires_at\":\"2024-09-05 05:25:40\"")]
    [InlineData("\"expires_at\":\"20240905T052540Z\"")]
    [InlineData("\"expires_at\":\"20240905052540\"")]
    [InlineData("\"expires_at\":20240905052540")]
    [InlineData("\"expires_at\":\"Thu, 05 Sep 2024 05:25:40 GMT\"")]
    [InlineData("\".expires\":\"Thu, 05 Sep 2024 05:25:40 GMT\"")]
    [InlineData("\"expires_on\":\"1725513940\"")]
    [InlineData("\"expires_on\":\"9/5/2024 5:25:40 AM +00:00\"")]
    [InlineData("\"expires\":1725513940")]
    [InlineData("\"expires\":600")]
    [InlineData("\"expiresIn\":600")]
    [InlineData("\"expiresAt\":1725513940")]
    [InlineData("\"EXPIRES_IN\":600")]
    [InlineData("\"ext_expires_in\":600")]
    [InlineData("\"expiry\":\"2024-09-05T05:25:40Z\"")]
    [InlineData("\"expireTime\":\"2024-09-05T05:25:40Z\"")]
    [InlineData("\"expires_in\":3600,\"expires_at\":1725513940")]
    [InlineData("\"expires_in\":600,\"expires_at\":1725516940")]
    [InlineData("\"expires_in\":3600,\"ext_expires_in\":600,\"expires_on\":1725523940")]
    [InlineData("\"expires_in\":0,\"expires_at\":1725513940")]
    [InlineData("\"expires_in\":63072000,\"expires_at\":1725513940")]
    public async Task Ten_minutes_are_read_by_whatever_name_and_form_and_the_earliest_end_counts(string fields) => LifeOf(await IssuedAsync(fields)).ShouldBe(600);

    [Theory]
    [InlineData("1725513940")]
    [InlineData("\"1725513940\"")]
    [InlineData("1725513940000")]
    public async Task A_jwts_own_end_counts_also_as_text(string exp)
    {
        using var world = With();
        world.Http.Reply(200, $$"""{"access_token":"{{Jwt.With($$"""{"exp":{{exp}}}""")}}","expires_in":3600}""");

        var token = (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();

        LifeOf(token).ShouldBe(600);
        token.Notes.ShouldBe(["the JWT's exp is earlier than expires_in: the earlier one is used"]);
    }

    [Theory]
    [InlineData("\"expires_at\":0")]
    [InlineData("\"expires_at\":-1")]
    [InlineData("\"expires_at\":-62135596800")]
    [InlineData("\"expires_at\":\"0001-01-01T00:00:00Z\"")]
    [InlineData("\"expires_at\":\"1970-01-01T00:00:00Z\"")]
    [InlineData("\"expires_at\":\"\"")]
    [InlineData("\"expires_at\":\"never\"")]
    [InlineData("\"expires_at\":\"2024-02-30T00:00:00Z\"")]
    [InlineData("\"expires_at\":\"07/01/2025\"")]
    [InlineData("\"expires_at\":{}")]
    [InlineData("\"expires_at\":\"2024-09-05T02:00:00\"")]
    public async Task An_end_that_tells_none_is_as_if_it_were_not_stated(string field)
    {
        var token = await IssuedAsync(field);

        LifeOf(token).ShouldBe(Default);
        token.Notes.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("\"expires_at\":\"9999-12-31T23:59:59Z\"")]
    [InlineData("\"expires_at\":\"9999-12-31T23:59:59-12:00\"")]
    [InlineData("\"expires_at\":253402300799")]
    [InlineData("\"expires_at\":253402300799000")]
    [InlineData("\"expires_at\":1e300")]
    [InlineData("\"expires_at\":\"2038-01-19T03:14:07Z\"")]
    public async Task An_end_more_than_a_year_ahead_is_a_year_with_a_note(string field)
    {
        var token = await IssuedAsync(field);

        LifeOf(token).ShouldBe(Year);
        token.Notes.ShouldBe(["expires_at is more than a year ahead: a year is assumed"]);
    }

    [Theory]
    [InlineData("\"expires_at\":1725513340")]
    [InlineData("\"expires_in\":3600,\"expires_at\":1725513339")]
    [InlineData("\"expires_at\":\"2024-09-05T05:15:39Z\"")]
    [InlineData("\"expires\":\"2020-01-01T00:00:00Z\"")]
    public async Task An_end_that_has_passed_cannot_be_used(string fields) =>
        (await AskAsync(fields)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldContain("has passed");

    [Fact]
    public Task Every_positive_lifetime_is_read_alike_as_a_number_and_as_text() =>
        Gen.Select(Gen.Double[1, 31_000_000], Gen.OneOf("{0}", "\"{0}\"", "\" {0} \"", "\"{0}s\"", "\"{0} seconds\""))
            .SampleAsync(async (seconds, form) =>
            {
                var text = string.Format(CultureInfo.InvariantCulture, form, seconds.ToString("F3", CultureInfo.InvariantCulture));
                LifeOf(await IssuedAsync($"\"expires_in\":{text}")).ShouldBe(seconds, 0.01, text);
            }, iter: 200);

    [Fact]
    public Task Every_instant_of_the_next_year_is_read_alike_in_every_form() =>
        Gen.Select(Gen.Int[1, 31_000_000], Gen.Int[0, 5]).SampleAsync(async (seconds, form) =>
        {
            var at = ProviderWorld.Now.AddSeconds(seconds);
            var text = form switch
            {
                0 => $"{at.ToUnixTimeSeconds()}",
                1 => $"{at.ToUnixTimeMilliseconds()}",
                2 => $"\"{at.ToOffset(TimeSpan.FromHours(-9.5)):yyyy-MM-ddTHH:mm:sszzz}\"",
                3 => $"\"{at:R}\"",
                4 => $"\"{at:yyyyMMddHHmmss}\"",
                _ => $"\"{at:O}\"",
            };
            LifeOf(await IssuedAsync($"\"expires_at\":{text}")).ShouldBe(seconds, text);
        }, iter: 300);

    [Theory]
    [InlineData("\"refresh_expires_in\":600")]
    [InlineData("\"refresh_token_expires_in\":600")]
    [InlineData("\"x_refresh_token_expires_in\":600")]
    [InlineData("\"refresh_token_expires_in\":\"600\"")]
    [InlineData("\"refresh_token_expires_in\":\" 600 s\"")]
    [InlineData("\"refreshTokenExpiresIn\":600")]
    [InlineData("\"refresh_token_expires_at\":1725513940")]
    [InlineData("\"refresh_token_expires_at\":1725513940000")]
    [InlineData("\"refresh_expires_at\":\"2024-09-05T05:25:40Z\"")]
    [InlineData("\"refresh_token_expire_in\":1725513940")]
    [InlineData("\"refresh_expires_in\":1200,\"refresh_token_expires_in\":600")]
    public async Task The_refresh_tokens_end_is_read_by_each_of_its_names(string fields) =>
        (await IssuedAsync($"\"refresh_token\":\"r\",\"expires_in\":300,{fields}")).RefreshExpiresAt.ShouldBe(ProviderWorld.Now.AddMinutes(10));

    [Theory]
    [InlineData("0")]
    [InlineData("\"0\"")]
    [InlineData("-1")]
    [InlineData("-7")]
    [InlineData("\"never\"")]
    [InlineData("\"\"")]
    [InlineData("null")]
    [InlineData("false")]
    [InlineData("{}")]
    [InlineData("1e300")]
    public async Task The_refresh_tokens_end_is_unknown_where_it_is_0_or_words(string value)
    {
        foreach (var name in new[] { "refresh_expires_in", "refresh_token_expires_in", "x_refresh_token_expires_in" })
        {
            (await IssuedAsync($"\"refresh_token\":\"r\",\"{name}\":{value}")).RefreshExpiresAt.ShouldBeNull();
        }
    }

    private static double LifeOf(IssuedToken token) => (token.ExpiresAt - ProviderWorld.Now).TotalSeconds;

    private static async Task<IssuedToken> IssuedAsync(string fields) => (await AskAsync(fields)).ShouldBeIssued();

    private static async Task<ProviderResult> AskAsync(string fields)
    {
        using var world = With(("DefaultLifetime", "00:30:00"));
        world.Http.Reply(200, $$"""{"access_token":"opaque",{{fields}}}""");
        return await world.Acme().AcquireAsync(Order(), default);
    }
}
