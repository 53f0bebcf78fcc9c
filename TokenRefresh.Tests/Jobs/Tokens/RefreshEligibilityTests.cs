using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class RefreshEligibilityTests
{
    private const string Settings = "settings of today";

    [Theory]
    [InlineData(RefreshTrigger.Automatic)]
    [InlineData(RefreshTrigger.Due)]
    [InlineData(RefreshTrigger.Manual)]
    [InlineData(RefreshTrigger.OnDemand)]
    public void A_fresh_token_waits(RefreshTrigger trigger) => Verdict(Some.Fresh(), trigger).IsDue.ShouldBeFalse();

    [Fact]
    public void A_fresh_token_says_when_it_is_due_and_why() =>
        Verdict(Some.Fresh(), RefreshTrigger.Automatic).Reason.ShouldContain("scheduled at 67 % of its 24-hour lifetime");

    [Theory]
    [InlineData(RefreshTrigger.Automatic)]
    [InlineData(RefreshTrigger.Due)]
    [InlineData(RefreshTrigger.Manual)]
    public void A_due_token_is_refreshed(RefreshTrigger trigger) => Verdict(Some.Due(), trigger).IsDue.ShouldBeTrue();

    [Fact]
    public void Force_outranks_freshness() => Verdict(Some.Fresh(), RefreshTrigger.Forced).IsDue.ShouldBeTrue();

    [Fact]
    public void A_forced_request_that_a_later_refresh_has_answered_already_waits() =>
        Verdict(Some.Fresh(), RefreshTrigger.Forced, request => request with { RequestedAt = Some.Now.AddHours(-1) }).IsDue.ShouldBeFalse();

    [Theory]
    [InlineData(RefreshTrigger.Automatic, false)]
    [InlineData(RefreshTrigger.Due, false)]
    [InlineData(RefreshTrigger.Backup, false)]
    [InlineData(RefreshTrigger.OnDemand, false)]
    [InlineData(RefreshTrigger.Manual, true)]
    [InlineData(RefreshTrigger.Forced, true)]
    public void The_pause_after_a_failure_is_obeyed_by_all_but_people(RefreshTrigger trigger, bool isDue) =>
        Verdict(Some.Failing(FailureKind.ProviderDown, nextAttemptAt: Some.Now.AddMinutes(1)), trigger).IsDue.ShouldBe(isDue);

    [Fact]
    public void A_retry_of_the_job_that_failed_passes_the_pause_that_keeps_others_out()
    {
        var token = Some.Failing(FailureKind.ProviderDown, nextAttemptAt: Some.Now.AddMinutes(1), retryJobId: "7");

        Verdict(token, RefreshTrigger.Due, request => request with { JobId = "7" }).IsDue.ShouldBeTrue();
        Verdict(token, RefreshTrigger.Due, request => request with { JobId = "8" }).IsDue.ShouldBeFalse();
    }

    [Theory]
    [InlineData(FailureKind.CredentialRejected, RefreshTrigger.Due, false)]
    [InlineData(FailureKind.CredentialRejected, RefreshTrigger.Backup, true)]
    [InlineData(FailureKind.CredentialRejected, RefreshTrigger.Manual, true)]
    [InlineData(FailureKind.GrantRevoked, RefreshTrigger.Backup, false)]
    [InlineData(FailureKind.GrantRevoked, RefreshTrigger.Manual, true)]
    [InlineData(FailureKind.Configuration, RefreshTrigger.Due, false)]
    [InlineData(FailureKind.Configuration, RefreshTrigger.Backup, false)]
    public void What_another_try_cannot_mend_waits_for_a_person_or_where_it_may_help_the_backup(FailureKind kind, RefreshTrigger trigger, bool isDue) =>
        Verdict(Some.Failing(kind), trigger).IsDue.ShouldBe(isDue);

    [Fact]
    public void Changed_settings_lift_a_block() =>
        RefreshEligibility.For(Some.Failing(FailureKind.CredentialRejected), Some.Settings(), Request(RefreshTrigger.Due), "other settings", Some.Now).IsDue.ShouldBeTrue();

    [Theory]
    [InlineData(RefreshTrigger.Due, false)]
    [InlineData(RefreshTrigger.Backup, false)]
    [InlineData(RefreshTrigger.Forced, true)]
    public void A_paused_token_is_refreshed_by_people_only(RefreshTrigger trigger, bool isDue)
    {
        var token = Some.Due();
        token.Pause(Some.Now, null, "maintenance");

        Verdict(token, trigger).IsDue.ShouldBe(isDue);
    }

    [Fact]
    public void A_pause_that_has_run_out_holds_nobody()
    {
        var token = Some.Due();
        token.Pause(Some.Now.AddHours(-2), Some.Now.AddHours(-1), "maintenance");

        Verdict(token, RefreshTrigger.Due).IsDue.ShouldBeTrue();
    }

    [Fact]
    public void A_provider_without_credentials_is_never_called_not_even_by_force()
    {
        var settings = Some.Settings(provider: new ModelProvider { MissingSettings = ["Providers__Jibit__ApiKey"] });

        var verdict = RefreshEligibility.For(Some.Due(), settings, Request(RefreshTrigger.Forced), Settings, Some.Now);

        verdict.IsDue.ShouldBeFalse();
        verdict.Reason.ShouldContain("Providers__Jibit__ApiKey");
    }

    [Fact]
    public void A_grant_that_nobody_has_imported_yet_waits_for_a_person() =>
        RefreshEligibility.For(Some.New(), Some.Settings(grant: Grant.Imported), Request(RefreshTrigger.Due), Settings, Some.Now).Reason.ShouldContain("tokens import jibit");

    [Fact]
    public void An_imported_grant_that_is_there_is_renewed_like_any_other() =>
        RefreshEligibility.For(Some.Due(), Some.Settings(Grant.Imported), Request(RefreshTrigger.Due), Settings, Some.Now).IsDue.ShouldBeTrue();

    [Fact]
    public void Each_verdict_says_why()
    {
        Verdict(Some.Fresh(), RefreshTrigger.Forced).Reason.ShouldBe("Forced.");
        Verdict(Some.Fresh(), RefreshTrigger.Backup).Reason.ShouldBe("Backup: acquired anew with the credentials.");
        Verdict(Some.New(), RefreshTrigger.Due).Reason.ShouldBe("Never obtained yet.");
        Verdict(Some.Due(), RefreshTrigger.Due).Reason.ShouldStartWith("Due since 2026-03-01 11:00:");
        Verdict(Some.Due(), RefreshTrigger.Due).Reason.ShouldEndWith("Z, scheduled at 67 % of its 24-hour lifetime.");
        Verdict(Some.Fresh(), RefreshTrigger.Due).Reason.ShouldStartWith("Fresh: due at 2026-03-02 03:");
        Verdict(Some.Fresh(), RefreshTrigger.Forced, request => request with { RequestedAt = Some.Now.AddHours(-1) }).Reason
            .ShouldBe("Already refreshed at 2026-03-01 11:30:00Z, after this request.");
        Verdict(Some.Failing(FailureKind.CredentialRejected), RefreshTrigger.Due).Reason.ShouldBe("credential_rejected: HTTP 500. Retries stopped: update the credentials.");
        Verdict(Some.Failing(FailureKind.ProviderDown, Some.Now.AddMinutes(1)), RefreshTrigger.Due).Reason
            .ShouldBe("Retry at 2026-03-01 12:01:00Z after 1 failure (provider_down).");
        RefreshEligibility.For(Some.Failing(FailureKind.CredentialRejected), Some.Settings(), Request(RefreshTrigger.Due), "other settings", Some.Now).Reason
            .ShouldBe("The settings have changed since the last failure.");
        RefreshEligibility.RefusedAgain.Reason.ShouldBe("This token and the previous one have just replaced refused tokens; an API that refuses every token has another reason.");
    }

    [Fact]
    public void Only_what_is_too_early_says_when_it_is_due()
    {
        var fresh = Some.Fresh();

        Verdict(fresh, RefreshTrigger.Due).DueAt.ShouldBe(fresh.RefreshDueAt);
        Verdict(Some.Failing(FailureKind.CredentialRejected), RefreshTrigger.Due).DueAt.ShouldBeNull();
    }

    [Fact]
    public void A_paused_token_says_who_paused_it_and_why()
    {
        var token = Some.Due();
        token.Pause(Some.Now, null, "maintenance, sara");

        Verdict(token, RefreshTrigger.Due).Reason.ShouldBe("Paused: maintenance, sara");
    }

    [Fact]
    public void A_request_is_not_answered_by_a_token_that_was_issued_at_that_very_instant() =>
        Verdict(Some.Due(), RefreshTrigger.Due, request => request with { RequestedAt = Some.Now.AddHours(-17) }).IsDue.ShouldBeTrue();

    [Fact]
    public void The_pause_after_a_failure_is_over_at_the_instant_at_which_it_ends() =>
        Verdict(Some.Failing(FailureKind.ProviderDown, nextAttemptAt: Some.Now), RefreshTrigger.Due).IsDue.ShouldBeTrue();

    [Fact]
    public void A_job_that_has_no_retry_of_this_token_waits_like_the_others() =>
        Verdict(Some.Failing(FailureKind.ProviderDown, nextAttemptAt: Some.Now.AddMinutes(1)), RefreshTrigger.Due).IsDue.ShouldBeFalse();

    [Theory]
    [InlineData(1L, true, "The API refused this token.")]
    [InlineData(0L, false, "The stored token is newer than the refused one.")]
    [InlineData(null, false, "The stored token is newer than the refused one.")]
    public void Only_a_report_about_the_stored_version_renews(long? version, bool isDue, string reason)
    {
        var verdict = Verdict(Some.Fresh(), RefreshTrigger.Rejected, request => request with { RejectedVersion = version });

        (verdict.IsDue, verdict.Reason).ShouldBe((isDue, reason));
    }

    [Theory]
    [InlineData(7 * 3600, true)]
    [InlineData((7 * 3600) - 1, false)]
    [InlineData(24 * 3600, false)]
    [InlineData((24 * 3600) - 1, true)]
    public void A_reader_renews_what_would_die_too_soon_for_it_unless_no_token_of_the_provider_lives_as_long_as_it_asks(int minValidity, bool isDue)
    {
        // Seven hours are left, and by itself it would not be due yet.
        var token = Some.New();
        token.Accept(Some.Issued(Some.Now.AddHours(-17), TimeSpan.FromHours(24)), "sealed", "sealed", new(Some.Now.AddHours(1), "later"), "{}", Some.Now);

        Verdict(token, RefreshTrigger.OnDemand, request => request with { MinValidity = TimeSpan.FromSeconds(minValidity) }).IsDue.ShouldBe(isDue);
    }

    [Fact]
    public void A_readers_reason_names_what_it_needs()
    {
        Verdict(Some.Due(), RefreshTrigger.OnDemand, request => request with { MinValidity = TimeSpan.FromHours(8) }).Reason.ShouldBe("A client needs at least 8 h.");
        Verdict(Some.Expired(), RefreshTrigger.OnDemand, request => request with { MinValidity = TimeSpan.FromDays(2) }).Reason.ShouldBe("A client needs it and it has expired.");
    }

    [Fact]
    public void A_token_that_dies_at_this_instant_has_expired_for_a_reader() =>
        Verdict(Some.Aged(TimeSpan.FromHours(24)), RefreshTrigger.OnDemand, request => request with { MinValidity = TimeSpan.FromDays(2) }).Reason.ShouldBe("A client needs it and it has expired.");

    [Fact]
    public void A_token_is_due_at_the_instant_at_which_it_falls_due()
    {
        var token = Some.Fresh();
        token.Accept(Some.Issued(Some.Now.AddHours(-1), TimeSpan.FromHours(24)), "sealed", "sealed", new(Some.Now, "now"), "{}", Some.Now);

        Verdict(token, RefreshTrigger.Due).IsDue.ShouldBeTrue();
    }

    [Fact]
    public void Changed_settings_alone_renew_nothing_that_has_not_failed() =>
        RefreshEligibility.For(Some.Fresh(), Some.Settings(), Request(RefreshTrigger.Due), "other settings", Some.Now).IsDue.ShouldBeFalse();

    [Fact]
    public void Changed_settings_lift_the_pause_after_a_failure_too() =>
        RefreshEligibility.For(Some.Failing(FailureKind.ProviderDown, Some.Now.AddMinutes(1)), Some.Settings(), Request(RefreshTrigger.Due), "other settings", Some.Now).IsDue.ShouldBeTrue();

    private static RefreshEligibility Verdict(Token token, RefreshTrigger trigger, Func<RefreshRequest, RefreshRequest>? change = null) =>
        RefreshEligibility.For(token, Some.Settings(), (change ?? (request => request))(Request(trigger)), Settings, Some.Now);

    private static RefreshRequest Request(RefreshTrigger trigger) => new("jibit", trigger, "a test");
}
