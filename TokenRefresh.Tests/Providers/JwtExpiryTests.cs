using CsCheck;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

public sealed class JwtExpiryTests
{
    [Theory]
    [InlineData("""{"exp":1725513340}""", 1725513340)]
    [InlineData("""{"iat":1,"exp":1725513340.9}""", 1725513340)]
    [InlineData("""{"name":"پیام ~~~ ???","exp":1725513340}""", 1725513340)]
    [InlineData("""{"exp":"1725513340"}""", 1725513340)]
    [InlineData("""{"exp":" 1725513340.0 "}""", 1725513340)]
    [InlineData("""{"exp":1725513340000}""", 1725513340)]
    [InlineData("""{"exp":"2024-09-05T05:15:40Z"}""", 1725513340)]
    public void A_number_of_seconds_is_read_also_as_text_and_in_milliseconds(string claims, long seconds) =>
        JwtExpiry.Of(Jwt.With(claims)).ShouldBe(DateTimeOffset.FromUnixTimeSeconds(seconds));

    [Theory]
    [InlineData("""{"exp":"soon"}""")]
    [InlineData("""{"exp":"07/01/2027"}""")]
    [InlineData("""{"exp":true}""")]
    [InlineData("""{"exp":null}""")]
    [InlineData("""{"exp":0}""")]
    [InlineData("""{"exp":-1}""")]
    [InlineData("""{"exp":1e300}""")]
    [InlineData("""{"exp":1e999}""")]
    [InlineData("""{"iat":1725513340}""")]
    [InlineData("""[1725513340]""")]
    [InlineData("1725513340")]
    [InlineData("{")]
    [InlineData("")]
    public void Anything_else_is_no_expiry(string claims) => JwtExpiry.Of(Jwt.With(claims)).ShouldBeNull();

    [Theory]
    [InlineData("")]
    [InlineData("opaque")]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    [InlineData("..")]
    [InlineData("a.***.c")]
    public void A_token_that_is_no_jwt_has_no_expiry(string token) => JwtExpiry.Of(token).ShouldBeNull();

    [Fact]
    public void Whatever_stands_there_nothing_throws() =>
        Gen.String.Select(text => $"a.{text}.c").Sample(token => { _ = JwtExpiry.Of(token); });
}
