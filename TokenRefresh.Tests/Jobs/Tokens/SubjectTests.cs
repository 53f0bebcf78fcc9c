using CsCheck;
using Shouldly;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class SubjectTests
{
    [Theory]
    [InlineData("09121234567")]
    [InlineData(" 0912 123 4567 ")]
    [InlineData("0912-123-4567")]
    [InlineData("+989121234567")]
    [InlineData("+98 (912) 123 4567")]
    [InlineData("00989121234567")]
    [InlineData("۰۹۱۲۱۲۳۴۵۶۷")]
    [InlineData("٠٩١٢١٢٣٤٥٦٧")]
    [InlineData("\u200e+98 912 123 4567\u202c")]
    public void Each_spelling_of_a_mobile_number_is_one_subject(string typed) => Subject.Read(typed)!.Value.ShouldBe("09121234567");

    [Theory]
    [InlineData("0012345678", "0012345678")]
    [InlineData("۰۰۱۲۳۴۵۶۷۸", "0012345678")]
    [InlineData("9123456789", "9123456789")]
    [InlineData("989121234567", "989121234567")]
    [InlineData("ACME-42/a", "ACME-42/a")]
    [InlineData("acme-42/a", "acme-42/a")]
    [InlineData("09121234", "09121234")]
    public void What_is_no_mobile_number_stays_but_for_its_digits(string typed, string value) => Subject.Read(typed)!.Value.ShouldBe(value);

    [Theory]
    [InlineData("")]
    [InlineData(" \t ")]
    [InlineData("\u200e")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    [InlineData("•••4567")]
    [InlineData("a\ud800b")]
    public void What_cannot_be_a_subject_is_none(string typed) => Subject.Read(typed).ShouldBeNull();

    [Fact]
    public void A_subject_has_at_most_128_characters()
    {
        Subject.Read(new('x', Subject.Longest)).ShouldNotBeNull();
        Subject.Read(new('x', Subject.Longest + 1)).ShouldBeNull();
    }

    [Theory]
    [InlineData("09121234567", "•••4567")]
    [InlineData("0012345678", "•••5678")]
    [InlineData("123456", "•••56")]
    [InlineData("12", "•••")]
    [InlineData("customer-😀😀😀😀", "•••😀😀😀😀")]
    public void At_most_the_last_four_characters_are_shown_and_less_of_a_short_one(string typed, string masked) => Subject.Read(typed)!.Masked.ShouldBe(masked);

    [Fact]
    public void A_subject_as_text_is_masked() => $"{Subject.Read("09121234567")}".ShouldBe("•••4567");

    [Theory]
    [InlineData("09121234567", "token-9121234567", true)]
    [InlineData("09121234567", "call 0912 123-4567 first", true)]
    [InlineData("+989121234567", "۰۹۱۲۱۲۳۴۵۶۷", true)]
    [InlineData("ACME-42/a", "acme-42/a", true)]
    [InlineData("0012345678", "token-0012345679", false)]
    [InlineData("12", "token-12", false)]
    public void A_subject_is_noticed_in_other_texts_however_it_is_spelled(string subject, string text, bool isIn) => Subject.Read(subject)!.IsIn(text).ShouldBe(isIn);

    [Fact]
    public void The_one_spelling_is_read_as_itself() =>
        Gen.String[Gen.Char["0123456789 +-۰۹٠٩aA(•\u200e\t"], 0, 20].Sample(typed => Subject.Read(typed) is not { } subject || Subject.Read(subject.Value)!.Value == subject.Value);
}
