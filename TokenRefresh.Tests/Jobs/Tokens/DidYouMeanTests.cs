using Shouldly;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class DidYouMeanTests
{
    private static readonly string[] Known = ["jibit", "fino", "fino_kyc", "fino_sms"];

    [Theory]
    [InlineData("jibbit", "jibit")]
    [InlineData("jbiit", "jibit")]
    [InlineData("JIBT", "jibit")]
    [InlineData("fino_kcy", "fino_kyc")]
    [InlineData("fino-sms", "fino_sms")]
    [InlineData("jibitt*", "jibit")]
    public void A_slip_of_the_keyboard_is_answered_with_the_name_that_was_meant(string asked, string meant) =>
        DidYouMean.Message("token", asked, Known).ShouldBe($"No token matches '{asked}' (did you mean {meant}?)");

    [Theory]
    [InlineData("billing")]
    [InlineData("*")]
    [InlineData("")]
    public void A_name_that_resembles_none_is_answered_with_all_that_there_are(string asked) =>
        DidYouMean.Message("token", asked, Known).ShouldBe($"No token matches '{asked}'. There are: jibit, fino, fino_kyc, fino_sms.");

    [Fact]
    public void Of_many_names_the_first_thirty_are_listed() =>
        DidYouMean.Message("provider", "zzz", Enumerable.Range(1, 32).Select(number => $"provider-{number}")).ShouldEndWith("provider-30 and 2 more.");

    [Fact]
    public void Without_any_name_it_says_so() => DidYouMean.Message("token", "jibit", []).ShouldBe("No token matches 'jibit': none is configured");
}
