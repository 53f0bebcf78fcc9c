using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class TokenHealthTests
{
    public static TheoryData<string, TokenState> Ages => new()
    {
        { "00:30:00", TokenState.Fresh },
        { "15:30:00", TokenState.Fresh },
        { "16:02:00", TokenState.Due },
        { "16:30:00", TokenState.Overdue },
        { "24:00:01", TokenState.Expired },
    };

    [Theory]
    [MemberData(nameof(Ages))]
    public void A_days_token_goes_from_fresh_by_due_and_overdue_to_expired(string age, TokenState state)
    {
        var span = age.StartsWith("24", StringComparison.Ordinal) ? TimeSpan.FromSeconds(86401) : TimeSpan.Parse(age, System.Globalization.CultureInfo.InvariantCulture);

        TokenHealth.Of(Some.Aged(span), Some.Settings(), Some.Now).ShouldBe(state);
    }

    [Fact]
    public void A_failing_token_with_less_than_two_hours_left_is_critical()
    {
        var token = Some.Aged(TimeSpan.FromHours(22.5));
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), null, null);

        TokenHealth.Of(token, Some.Settings(), Some.Now).ShouldBe(TokenState.Critical);
    }

    [Fact]
    public void A_token_without_a_row_is_missing() => TokenHealth.Of(null, Some.Settings(), Some.Now).ShouldBe(TokenState.Missing);

    [Fact]
    public void A_grant_that_was_never_imported_needs_a_person() =>
        TokenHealth.Of(Some.New(), Some.Settings(Grant.Imported), Some.Now).ShouldBe(TokenState.NeedsPerson);

    [Fact]
    public void A_token_whose_provider_has_no_credentials_is_no_error()
    {
        var settings = Some.Settings(provider: new ModelProvider { MissingSettings = ["Providers__Jibit__ApiKey"] });

        TokenHealth.Of(null, settings, Some.Now).IsWell().ShouldBeTrue();
    }

    [Fact]
    public void A_valid_token_is_shown_as_it_is_even_when_its_provider_was_switched_off() =>
        TokenHealth.Of(Some.Fresh(), Some.Settings(provider: new ModelProvider { IsEnabled = false }), Some.Now).ShouldBe(TokenState.Fresh);

    [Theory]
    [InlineData("9.04:00:00", "9 d 4 h")]
    [InlineData("16:00:00", "16 h")]
    [InlineData("00:04:10", "4 min 10 s")]
    [InlineData("00:00:00", "0 s")]
    [InlineData("-00:05:00", "-5 min")]
    public void Durations_read_as_people_say_them(string span, string words) =>
        Spans.InWords(TimeSpan.Parse(span, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(words);
}
