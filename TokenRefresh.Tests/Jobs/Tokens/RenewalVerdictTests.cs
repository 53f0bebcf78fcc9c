using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class RenewalVerdictTests
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
        Verdict(Some.Fresh(), RefreshTrigger.Automatic).Reason.ShouldContain("at 67 % of its 1 d");

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
        RenewalVerdict.For(Some.Failing(FailureKind.CredentialRejected), Some.Settings(), Request(RefreshTrigger.Due), "other settings", Some.Now).IsDue.ShouldBeTrue();

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

        var verdict = RenewalVerdict.For(Some.Due(), settings, Request(RefreshTrigger.Forced), Settings, Some.Now);

        verdict.IsDue.ShouldBeFalse();
        verdict.Reason.ShouldContain("Providers__Jibit__ApiKey");
    }

    [Fact]
    public void A_grant_that_nobody_has_imported_yet_waits_for_a_person() =>
        RenewalVerdict.For(Some.New(), Some.Settings(grant: Grant.Imported), Request(RefreshTrigger.Due), Settings, Some.Now).Reason.ShouldContain("tokens import jibit");

    private static RenewalVerdict Verdict(Token token, RefreshTrigger trigger, Func<RefreshRequest, RefreshRequest>? change = null) =>
        RenewalVerdict.For(token, Some.Settings(), (change ?? (request => request))(Request(trigger)), Settings, Some.Now);

    private static RefreshRequest Request(RefreshTrigger trigger) => new("jibit", trigger, "a test");
}
