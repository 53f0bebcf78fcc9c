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

    [Fact]
    public void A_failing_token_with_two_hours_left_is_not_critical_yet() => Of(Failing(Some.Aged(TimeSpan.FromHours(22)))).ShouldNotBe(TokenState.Critical);

    [Fact]
    public void Little_life_alone_is_not_critical() => Of(Some.Aged(TimeSpan.FromHours(23))).ShouldBe(TokenState.Overdue);

    [Fact]
    public void A_paused_token_is_shown_as_paused_even_when_it_is_dead()
    {
        var token = Some.Expired();
        token.Pause(Some.Now, null, "maintenance");

        Of(token).ShouldBe(TokenState.Paused);
    }

    [Fact]
    public void A_pause_that_has_run_out_hides_nothing()
    {
        var token = Some.Expired();
        token.Pause(Some.Now.AddHours(-2), Some.Now.AddHours(-1), "maintenance");

        Of(token).ShouldBe(TokenState.Expired);
    }

    [Fact]
    public void A_dead_token_needs_a_person_only_where_nobody_else_can_start_it()
    {
        var revoked = Some.Expired();
        revoked.RecordFailure(new(FailureKind.GrantRevoked, "revoked"), null, null);
        var alone = Some.New();
        alone.Accept(Some.Issued(Some.Now.AddHours(-25), TimeSpan.FromHours(24)), "sealed", null, new(Some.Now, ""), "{}", Some.Now);

        Of(revoked).ShouldBe(TokenState.NeedsPerson);
        TokenHealth.Of(alone, Some.Settings(Grant.Imported), Some.Now).ShouldBe(TokenState.NeedsPerson);
        TokenHealth.Of(Some.Expired(), Some.Settings(Grant.Imported), Some.Now).ShouldBe(TokenState.Expired);
        Of(alone).ShouldBe(TokenState.Expired);
        Of(Failing(Some.Expired())).ShouldBe(TokenState.Expired);
    }

    [Fact]
    public void A_token_that_only_a_person_can_renew_is_fresh_while_it_lives()
    {
        var token = Some.Aged(TimeSpan.FromHours(20));
        token.LeaveToPerson();

        Of(token).ShouldBe(TokenState.Fresh);
    }

    [Theory]
    [InlineData(0, TokenState.Due)]
    [InlineData(300, TokenState.Due)]
    [InlineData(301, TokenState.Overdue)]
    public void A_refresh_is_overdue_after_five_minutes(int secondsSinceDue, TokenState state) => Of(DueSince(secondsSinceDue, TimeSpan.FromHours(8))).ShouldBe(state);

    [Theory]
    [InlineData(15, 30, TokenState.Due)]
    [InlineData(16, 30, TokenState.Overdue)]
    [InlineData(240, 480, TokenState.Due)]
    [InlineData(241, 480, TokenState.Overdue)]
    public void A_short_life_is_overdue_once_half_of_the_lead_is_gone(int secondsSinceDue, int lead, TokenState state) =>
        Of(DueSince(secondsSinceDue, TimeSpan.FromSeconds(lead))).ShouldBe(state);

    [Theory]
    [InlineData(TokenState.Fresh, true, false)]
    [InlineData(TokenState.Due, true, true)]
    [InlineData(TokenState.NotConfigured, true, false)]
    [InlineData(TokenState.Paused, true, false)]
    [InlineData(TokenState.Overdue, false, true)]
    [InlineData(TokenState.Critical, false, true)]
    [InlineData(TokenState.Missing, false, true)]
    [InlineData(TokenState.NeedsPerson, false, true)]
    [InlineData(TokenState.Expired, false, true)]
    public void Some_states_are_well_and_in_some_a_refresh_is_waited_for(TokenState state, bool isWell, bool needsRefresh) =>
        (state.IsWell(), state.NeedsRefresh()).ShouldBe((isWell, needsRefresh));

    [Theory]
    [InlineData(TokenState.NotConfigured, "not configured")]
    [InlineData(TokenState.NeedsPerson, "needs a person")]
    [InlineData(TokenState.Overdue, "overdue")]
    public void A_state_reads_as_people_say_it(TokenState state, string words) => state.InWords().ShouldBe(words);

    [Theory]
    [InlineData("9.04:00:00", "9 d 4 h")]
    [InlineData("16:00:00", "16 h")]
    [InlineData("00:04:10", "4 min 10 s")]
    [InlineData("00:00:00", "0 s")]
    [InlineData("-00:05:00", "-5 min")]
    public void Durations_read_as_people_say_them(string span, string words) =>
        Spans.InWords(TimeSpan.Parse(span, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(words);

    private static TokenState Of(Token token) => TokenHealth.Of(token, Some.Settings(), Some.Now);

    private static Token Failing(Token token)
    {
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), null, null);
        return token;
    }

    /// <summary>A token that fell due so long ago, with so much life left from then on.</summary>
    private static Token DueSince(int seconds, TimeSpan lead)
    {
        var token = Some.New();
        var dueAt = Some.Now.AddSeconds(-seconds);
        token.Accept(Some.Issued(dueAt - lead, 2 * lead), "sealed", "sealed", new(dueAt, "because"), "{}", Some.Now);
        return token;
    }

    [Theory]
    [InlineData(TokenState.Paused, 1, true, true)]
    [InlineData(TokenState.Paused, 24, false, true)]
    [InlineData(TokenState.Paused, 25, false, true)]
    [InlineData(TokenState.Critical, 1, false, true)]
    [InlineData(TokenState.Critical, 23, false, false)]
    [InlineData(TokenState.Overdue, 23, false, false)]
    [InlineData(TokenState.Expired, 25, false, false)]
    public void A_paused_token_is_well_while_it_is_valid_and_a_critical_one_in_time_until_it_is_overdue(TokenState state, int hoursOld, bool isWell, bool isInTime)
    {
        var view = new TokenView(Some.Settings(), state, Some.Aged(TimeSpan.FromHours(hoursOld)), Some.Now);

        (view.IsWell, view.IsInTime).ShouldBe((isWell, isInTime));
    }
}
