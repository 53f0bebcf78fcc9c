using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class TokenHealthTests
{
    public static TheoryData<string, TokenState> Ages => new()
    {
        { "00:30:00", TokenState.Healthy },
        { "15:30:00", TokenState.Healthy },
        { "16:02:00", TokenState.Healthy },
        { "16:30:00", TokenState.Degraded },
        { "23:00:00", TokenState.Degraded },
        { "24:00:01", TokenState.Expired },
    };

    [Theory]
    [MemberData(nameof(Ages))]
    public void A_days_token_that_nothing_refreshes_goes_from_healthy_by_degraded_to_expired(string age, TokenState state)
    {
        var span = age.StartsWith("24", StringComparison.Ordinal) ? TimeSpan.FromSeconds(86401) : TimeSpan.Parse(age, System.Globalization.CultureInfo.InvariantCulture);

        TokenHealth.Of(Some.Aged(span), Some.Settings(), Some.Now).ShouldBe(state);
    }

    [Theory]
    [InlineData(FailureKind.ProviderDown, TokenState.Degraded, TokenState.Critical, TokenState.Expired)]
    [InlineData(FailureKind.RateLimited, TokenState.Degraded, TokenState.Critical, TokenState.Expired)]
    [InlineData(FailureKind.InvalidResponse, TokenState.Degraded, TokenState.Critical, TokenState.Expired)]
    [InlineData(FailureKind.Abandoned, TokenState.Degraded, TokenState.Critical, TokenState.Expired)]
    [InlineData(FailureKind.Internal, TokenState.Degraded, TokenState.Critical, TokenState.Expired)]
    [InlineData(FailureKind.CredentialRejected, TokenState.ActionRequired, TokenState.ActionRequired, TokenState.ActionRequired)]
    [InlineData(FailureKind.GrantRevoked, TokenState.ActionRequired, TokenState.ActionRequired, TokenState.ActionRequired)]
    [InlineData(FailureKind.Configuration, TokenState.ActionRequired, TokenState.ActionRequired, TokenState.ActionRequired)]
    public void A_failure_is_retried_or_waits_for_a_person_whatever_life_is_left(FailureKind kind, TokenState fresh, TokenState nearItsEnd, TokenState expired)
    {
        Of(Failing(Some.Fresh(), kind)).ShouldBe(fresh);
        Of(Failing(Some.Aged(TimeSpan.FromHours(22)), kind)).ShouldBe(fresh, "two hours are left to the second");
        Of(Failing(Some.Aged(TimeSpan.FromHours(22.1)), kind)).ShouldBe(nearItsEnd);
        Of(Failing(Some.Expired(), kind)).ShouldBe(expired);
        Of(Failing(Some.New(), kind)).ShouldBe(expired, "never obtained yet");
    }

    [Fact]
    public void A_token_that_was_never_obtained_is_pending_until_its_first_attempt_has_ended()
    {
        TokenHealth.Of(null, Some.Settings(), Some.Now).ShouldBe(TokenState.Pending);
        Of(Some.New()).ShouldBe(TokenState.Pending);
        Of(Failing(Some.New())).ShouldBe(TokenState.Expired);
    }

    [Fact]
    public void A_grant_that_was_never_imported_waits_for_a_person() =>
        TokenHealth.Of(Some.New(), Some.Settings(Grant.Imported), Some.Now).ShouldBe(TokenState.ActionRequired);

    [Fact]
    public void A_token_whose_provider_has_no_credentials_is_not_configured_whatever_it_has_been()
    {
        var settings = Some.Settings(provider: new ModelProvider { MissingSettings = ["Providers__Jibit__ApiKey"] });

        TokenHealth.Of(null, settings, Some.Now).ShouldBe(TokenState.NotConfigured);
        TokenHealth.Of(Some.Expired(), settings, Some.Now).ShouldBe(TokenState.NotConfigured);
        TokenHealth.Of(Failing(Some.Expired(), FailureKind.CredentialRejected), settings, Some.Now).ShouldBe(TokenState.NotConfigured);
        TokenHealth.Of(Some.New(), Some.Settings(Grant.Imported, settings.Provider), Some.Now).ShouldBe(TokenState.NotConfigured);
    }

    [Fact]
    public void A_valid_token_is_shown_as_it_is_even_when_its_provider_was_switched_off() =>
        TokenHealth.Of(Some.Fresh(), Some.Settings(provider: new ModelProvider { IsEnabled = false }), Some.Now).ShouldBe(TokenState.Healthy);

    [Theory]
    [InlineData(true, TokenState.ActionRequired)]
    [InlineData(false, TokenState.NotConfigured)]
    public void A_valid_token_that_cannot_be_refreshed_when_it_is_due_needs_a_person_unless_its_provider_was_switched_off(bool isEnabled, TokenState state) =>
        TokenHealth.Of(Some.Due(), Some.Settings(provider: new ModelProvider { IsEnabled = isEnabled, MissingSettings = ["Providers__Jibit__ApiKey"] }), Some.Now).ShouldBe(state);

    [Theory]
    [InlineData(FailureKind.ProviderDown)]
    [InlineData(FailureKind.CredentialRejected)]
    public void A_paused_token_is_shown_as_paused_even_when_it_fails_or_has_expired(FailureKind kind)
    {
        foreach (var token in new[] { Some.Fresh(), Failing(Some.Fresh(), kind), Failing(Some.Expired(), kind), Some.New() })
        {
            token.Pause(Some.Now, null, "maintenance");

            Of(token).ShouldBe(TokenState.Paused);
        }
    }

    [Fact]
    public void A_pause_that_has_run_out_hides_nothing()
    {
        var token = Some.Expired();
        token.Pause(Some.Now.AddHours(-2), Some.Now.AddHours(-1), "maintenance");

        Of(token).ShouldBe(TokenState.Expired);
    }

    [Fact]
    public void An_expired_token_needs_a_person_only_where_nobody_else_can_start_it()
    {
        var alone = Some.New();
        alone.Accept(Some.Issued(Some.Now.AddHours(-25), TimeSpan.FromHours(24)), "sealed", null, new(Some.Now, ""), "{}", Some.Now);

        TokenHealth.Of(alone, Some.Settings(Grant.Imported), Some.Now).ShouldBe(TokenState.ActionRequired);
        TokenHealth.Of(Some.Expired(), Some.Settings(Grant.Imported), Some.Now).ShouldBe(TokenState.Expired);
        Of(alone).ShouldBe(TokenState.Expired);
    }

    [Fact]
    public void A_token_that_only_a_person_can_renew_is_healthy_while_it_is_valid()
    {
        var token = Some.Aged(TimeSpan.FromHours(20));
        token.LeaveToPerson();

        Of(token).ShouldBe(TokenState.Healthy);
    }

    [Theory]
    [InlineData(0, TokenState.Healthy)]
    [InlineData(300, TokenState.Healthy)]
    [InlineData(301, TokenState.Degraded)]
    public void A_refresh_is_late_after_five_minutes(int secondsSinceDue, TokenState state) => Of(DueSince(secondsSinceDue, TimeSpan.FromHours(8))).ShouldBe(state);

    [Theory]
    [InlineData(15, 30, TokenState.Healthy)]
    [InlineData(16, 30, TokenState.Degraded)]
    [InlineData(240, 480, TokenState.Healthy)]
    [InlineData(241, 480, TokenState.Degraded)]
    public void A_short_lifes_refresh_is_late_once_half_of_the_lead_is_gone(int secondsSinceDue, int lead, TokenState state) =>
        Of(DueSince(secondsSinceDue, TimeSpan.FromSeconds(lead))).ShouldBe(state);

    [Theory]
    [InlineData(TokenState.Healthy, "healthy", "healthy")]
    [InlineData(TokenState.Pending, "pending", "pending")]
    [InlineData(TokenState.Degraded, "degraded", "degraded")]
    [InlineData(TokenState.Critical, "critical", "critical")]
    [InlineData(TokenState.ActionRequired, "action_required", "action required")]
    [InlineData(TokenState.Expired, "expired", "expired")]
    [InlineData(TokenState.Paused, "paused", "paused")]
    [InlineData(TokenState.NotConfigured, "not_configured", "not configured")]
    public void A_state_has_a_stable_word_and_reads_as_people_say_it(TokenState state, string code, string words) => (state.Code(), state.InWords()).ShouldBe((code, words));

    [Theory]
    [InlineData("9.04:00:00", "9 d 4 h")]
    [InlineData("16:00:00", "16 h")]
    [InlineData("00:04:10", "4 min 10 s")]
    [InlineData("00:00:00", "0 s")]
    [InlineData("-00:05:00", "-5 min")]
    public void Durations_read_as_people_say_them(string span, string words) =>
        DurationFormat.InWords(TimeSpan.Parse(span, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(words);

    private static TokenState Of(Token token) => TokenHealth.Of(token, Some.Settings(), Some.Now);

    private static Token Failing(Token token, FailureKind kind = FailureKind.ProviderDown)
    {
        token.RecordFailure(new(kind, "HTTP 503"), kind.IsRetryable() ? Some.Now.AddMinutes(2) : null, null);
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
}
