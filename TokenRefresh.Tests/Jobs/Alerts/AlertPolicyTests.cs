using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class AlertPolicyTests
{
    private static readonly DateTimeOffset Now = Some.Now;
    private static readonly AlertRules Rules = new(RunsOfAJob: 4, ConsecutiveFailures: 3, SuccessRate: 80);
    private static readonly IReadOnlySet<string> Nobody = new HashSet<string>();
    private static readonly SystemStatus Well = new(Now, TimeSpan.FromMinutes(1), 5, null);

    [Fact]
    public void A_fresh_a_due_and_a_paused_token_are_no_complaint()
    {
        var paused = Some.Failing(FailureKind.CredentialRejected);
        paused.Pause(Now, null, "holiday");

        Findings(Some.Fresh()).ShouldBeEmpty();
        Findings(Some.Aged(TimeSpan.FromHours(16) + TimeSpan.FromMinutes(2))).ShouldBeEmpty();
        Findings(paused).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(FailureKind.ProviderDown, 1, false)]
    [InlineData(FailureKind.ProviderDown, 2, false)]
    [InlineData(FailureKind.ProviderDown, 3, true)]
    [InlineData(FailureKind.InvalidResponse, 4, true)]
    [InlineData(FailureKind.RateLimited, 2, false)]
    [InlineData(FailureKind.CredentialRejected, 1, true)]
    [InlineData(FailureKind.Configuration, 1, true)]
    [InlineData(FailureKind.GrantRevoked, 1, true)]
    [InlineData(FailureKind.Abandoned, 1, false)]
    [InlineData(FailureKind.Abandoned, 2, true)]
    [InlineData(FailureKind.Internal, 3, true)]
    public void So_many_failures_in_a_row_of_a_kind_are_a_complaint_or_not(FailureKind kind, int failures, bool isComplaint)
    {
        var token = Some.Fresh();
        for (var failure = 0; failure < failures; failure++)
        {
            token.RecordFailure(new(kind, "HTTP 500"), Now.AddMinutes(2), null);
        }

        Findings(token).Any().ShouldBe(isComplaint);
    }

    [Theory]
    [InlineData(5, false, false)]
    [InlineData(6, false, true)]
    [InlineData(6, true, false)]
    public void A_valid_token_that_uses_its_budget_fast_is_a_complaint_unless_its_failure_was_reported(int seconds, bool isHeard, bool isComplaint)
    {
        var (token, settings) = (Some.Fresh(), Some.Settings(Grant.ClientCredentials));
        var view = new TokenView(settings, TokenHealth.Of(token, settings, Now), token, Now);
        var used = new TokenFreshness(view.Name, TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(seconds));

        var findings = AlertPolicy.Findings(new(Now, [view], [], Well, Rules, Nobody)
        {
            Freshness = new(99.99, TimeSpan.FromDays(30), [used]),
            Heard = isHeard ? new HashSet<string> { view.Name } : Nobody,
        });

        findings.Any(finding => finding.Kind == IncidentKind.Objective).ShouldBe(isComplaint);
    }

    [Fact]
    public void With_a_retry_pending_only_a_dead_token_is_a_complaint()
    {
        var failing = Some.Failing(FailureKind.ProviderDown, Now.AddMinutes(2), "job");
        failing.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "job");
        failing.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "job");
        var dead = Some.Expired();
        dead.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "job");

        Findings(failing).ShouldBeEmpty();
        Findings(dead).ShouldHaveSingleItem().IsCritical.ShouldBeTrue();
    }

    [Fact]
    public void One_failure_with_a_retry_pending_keeps_an_incident_open_and_a_success_ends_it()
    {
        var failing = Some.Failing(FailureKind.ProviderDown, Now.AddMinutes(2), "job");

        Findings(failing, ill: new HashSet<string> { "jibit" }).ShouldHaveSingleItem().Cause.ShouldBe("provider_down");
        Findings(failing, ill: new HashSet<string> { "another" }).ShouldBeEmpty();
        Findings(Some.Fresh(), ill: new HashSet<string> { "jibit" }).ShouldBeEmpty();
    }

    [Fact]
    public void A_retry_whose_time_has_come_is_not_pending_any_more()
    {
        var token = Some.Fresh();
        for (var failure = 0; failure < 3; failure++)
        {
            token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now - Token.RetryGrace, "a job that died");
        }

        Findings(token).ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-120, true)]
    [InlineData(-121, false)]
    public void One_failure_after_which_nothing_is_tried_until_shortly_before_the_token_ends_is_a_complaint(int secondsFromItsEnd, bool isComplaint)
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.RateLimited, "HTTP 429"), token.ExpiresAt!.Value.AddSeconds(secondsFromItsEnd), null);

        Findings(token).Any().ShouldBe(isComplaint);
    }

    [Fact]
    public void Without_the_rule_on_failures_in_a_row_only_a_jobs_last_retry_counts()
    {
        var token = Some.Fresh();
        for (var failure = 0; failure < 3; failure++)
        {
            token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), null);
        }

        Findings(token, Rules with { ConsecutiveFailures = 0 }).ShouldBeEmpty();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), null);
        Findings(token, Rules with { ConsecutiveFailures = 0 }).ShouldHaveSingleItem();
    }

    [Fact]
    public void What_passes_by_itself_is_one_group_and_what_does_not_is_one_for_each_cause()
    {
        Key(FailureKind.ProviderDown).ShouldBe(Key(FailureKind.InvalidResponse));
        Key(FailureKind.CredentialRejected).ShouldNotBe(Key(FailureKind.Configuration));
        Key(FailureKind.GrantRevoked).ShouldBe("needs_person:jibit:grant_revoked");

        static string Key(FailureKind kind)
        {
            var token = Some.Fresh();
            for (var failure = 0; failure < 4; failure++)
            {
                token.RecordFailure(new(kind, "why"), null, null);
            }

            return Findings(token).ShouldHaveSingleItem().Key;
        }
    }

    [Fact]
    public void A_late_token_is_a_complaint_unless_the_silence_of_everything_explains_it()
    {
        var late = Some.Aged(TimeSpan.FromHours(18));

        Findings(late).ShouldHaveSingleItem().Cause.ShouldBe("overdue");
        Findings(late, pulse: Well with { Workers = 0 }).ShouldHaveSingleItem().Kind.ShouldBe(IncidentKind.StalledComponent);
        Findings(Some.Expired(), pulse: Well with { Workers = 0 }).Count.ShouldBe(2);
    }

    [Fact]
    public void A_mail_that_waits_explains_no_late_token() =>
        Findings(Some.Aged(TimeSpan.FromHours(18)), pulse: Well with { OldestUnsent = Now.AddMinutes(-11) }).Select(complaint => complaint.Cause).ShouldBe(["silence", "overdue"]);

    [Theory]
    [InlineData(23, null, false)]
    [InlineData(25, null, true)]
    [InlineData(25, "job", false)]
    public void A_pause_that_outlasts_the_token_is_a_complaint_at_the_first_failure_unless_its_job_is_sooner(int hours, string? job, bool isComplaint)
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.RateLimited, "HTTP 429"), Now.AddHours(hours), job);

        Findings(token).Any().ShouldBe(isComplaint);
    }

    [Theory]
    [InlineData(9, 0, false)]
    [InlineData(8, 2, false)]
    [InlineData(79, 21, true)]
    [InlineData(0, 10, true)]
    [InlineData(0, 9, false)]
    public void A_success_rate_below_the_threshold_is_a_complaint_once_there_are_ten_attempts(long successes, long failures, bool isComplaint) =>
        AlertPolicy.Findings(new(Now, [], [new("jibit", successes, failures)], Well, Rules, Nobody)).Any().ShouldBe(isComplaint);

    [Fact]
    public void A_threshold_of_zero_switches_the_rule_on_success_rates_off() =>
        AlertPolicy.Findings(new(Now, [], [new("jibit", 0, 100)], Well, Rules with { SuccessRate = 0 }, Nobody)).ShouldBeEmpty();

    [Theory]
    [InlineData(119, 5, 0, "")]
    [InlineData(121, 5, 0, "scheduler")]
    [InlineData(0, 0, 0, "workers")]
    [InlineData(0, 5, 599, "")]
    [InlineData(0, 5, 601, "outbox")]
    [InlineData(500, 0, 700, "scheduler,workers,outbox")]
    [InlineData(-3600, 5, 0, "")]
    public void Silence_is_two_periods_without_a_tick_no_worker_or_ten_minutes_without_delivery(int tickAgo, int workers, int unsentFor, string silent)
    {
        var pulse = new SystemStatus(Now.AddSeconds(-tickAgo), TimeSpan.FromMinutes(1), workers, unsentFor == 0 ? null : Now.AddSeconds(-unsentFor));

        string.Join(',', pulse.StalledComponents(Now).Select(silence => silence.Part)).ShouldBe(silent);
    }

    [Fact]
    public void A_scheduler_that_never_ticked_is_silent() =>
        (Well with { SchedulerTick = null }).StalledComponents(Now).ShouldHaveSingleItem().Words.ShouldBe("the due check has never run");

    [Fact]
    public void A_rate_is_told_in_figures() =>
        AlertPolicy.Findings(new(Now, [], [new("jibit", 143, 57)], Well, Rules, Nobody)).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.SuccessRate, "jibit", "rate", "success_rate", "jibit", false, 0, "71.5 % of 200 attempts succeeded"));

    [Fact]
    public void A_low_rate_is_no_complaint_of_its_own_where_a_token_of_that_provider_already_is()
    {
        var refused = Some.Failing(FailureKind.CredentialRejected);
        var view = new TokenView(Some.Settings(), TokenHealth.Of(refused, Some.Settings(), Now), refused, Now);

        AlertPolicy.Findings(new(Now, [view], [new("jibit", 0, 100), new("finnotech", 0, 100)], Well, Rules, Nobody))
            .Select(complaint => complaint.Key).ShouldBe(["failed:jibit:credential_rejected", "success_rate:finnotech:rate"]);
    }

    [Fact]
    public void A_silence_names_the_part_and_is_nobodys_in_particular() =>
        AlertPolicy.Findings(new(Now, [], [], Well with { Workers = 0 }, Rules, Nobody)).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.StalledComponent, "", "silence", "silence", "workers", false, 0, "no worker is alive, so nothing is refreshed"));

    [Fact]
    public void A_failing_token_is_told_in_the_providers_words()
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.CredentialRejected, "HTTP 401 invalid.credentials"), null, null);

        Findings(token).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.Failed, "jibit", "credential_rejected", "credential_rejected", "jibit", false, 0, "HTTP 401 invalid.credentials"));
    }

    [Fact]
    public void A_late_token_is_told_with_where_to_look() =>
        Findings(Some.Aged(TimeSpan.FromHours(18))).ShouldHaveSingleItem().ShouldBe(new(
            IncidentKind.Failed, "jibit", "late", "overdue", "jibit", false, 0, "The refresh is overdue, and no attempt failed: check the workers and the queue."));

    [Fact]
    public void A_failing_token_with_little_life_left_and_a_dead_one_are_critical()
    {
        var critical = Some.Aged(TimeSpan.FromHours(23));
        critical.RecordFailure(new(FailureKind.CredentialRejected, "HTTP 401"), null, null);

        Findings(critical).ShouldHaveSingleItem().ShouldSatisfyAllConditions(complaint => complaint.IsCritical.ShouldBeTrue(), complaint => complaint.IsExpired.ShouldBeFalse());
        Findings(Some.Expired()).ShouldHaveSingleItem().ShouldSatisfyAllConditions(complaint => complaint.IsCritical.ShouldBeTrue(), complaint => complaint.IsExpired.ShouldBeTrue());
    }

    [Fact]
    public void A_token_that_was_never_obtained_is_critical_once_that_fails()
    {
        var token = Some.New();
        Findings(token).ShouldBeEmpty();

        token.RecordFailure(new(FailureKind.Configuration, "no such scope"), null, null);

        Findings(token).ShouldHaveSingleItem().IsCritical.ShouldBeTrue();
    }

    [Fact]
    public void A_grant_that_nobody_imported_needs_a_person() =>
        Findings(Some.New(), grant: Grant.Imported).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.NeedsPerson, "jibit", "not_imported", "not_imported", "jibit", true, 0, "It has not been imported yet.", IsExpired: true));

    [Fact]
    public void A_revoked_grant_needs_a_person_and_is_urgent_once_the_token_is_dead()
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.GrantRevoked, "The refresh token was refused."), null, null);
        Findings(token, grant: Grant.Imported).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.NeedsPerson, "jibit", "grant_revoked", "grant_revoked", "jibit", false, 0, "The refresh token was refused."));

        Findings(Imported(TimeSpan.FromDays(-1)), grant: Grant.Imported).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.NeedsPerson, "jibit", "grant_revoked", "grant_revoked", "jibit", true, 0, "It has expired, and only a person can start the grant again.", IsExpired: true));
    }

    [Fact]
    public void What_a_dead_grant_last_failed_with_stays_its_cause()
    {
        var dead = Imported(TimeSpan.FromDays(-1));
        dead.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), null, null);

        Findings(dead, grant: Grant.Imported).ShouldHaveSingleItem()
            .ShouldBe(new(IncidentKind.NeedsPerson, "jibit", "grant_revoked", "provider_down", "jibit", true, 0, "HTTP 503", IsExpired: true));
    }

    [Theory]
    [InlineData(7.01, 0)]
    [InlineData(7, 1)]
    [InlineData(3.01, 1)]
    [InlineData(3, 2)]
    [InlineData(1.01, 2)]
    [InlineData(1, 3)]
    [InlineData(0.1, 3)]
    public void A_token_that_only_a_person_can_renew_is_a_complaint_seven_three_and_one_days_before_it_dies(double daysLeft, int stage)
    {
        var complaint = Findings(Imported(TimeSpan.FromDays(daysLeft)), grant: Grant.Imported).SingleOrDefault();

        (complaint?.Stage ?? 0).ShouldBe(stage);
        (complaint is null || complaint == new Finding(
            IncidentKind.NeedsPerson, "jibit", "expires_soon", "expires_soon", "jibit", false, stage, "It cannot be renewed without a person.")).ShouldBeTrue();
    }

    [Fact]
    public void What_renews_itself_is_no_complaint_however_near_its_end_is()
    {
        var due = Some.Aged(TimeSpan.FromHours(16) + TimeSpan.FromMinutes(2));

        Findings(due, grant: Grant.Imported).ShouldBeEmpty();
        Findings(Imported(TimeSpan.FromDays(2))).ShouldBeEmpty();
    }

    /// <summary>A token without a refresh token, that has so much life left.</summary>
    private static Token Imported(TimeSpan left)
    {
        var token = Some.New();
        token.Accept(Some.Issued(Now.AddDays(-30), left + TimeSpan.FromDays(30)) with { RefreshToken = null, RefreshExpiresAt = null }, "sealed", null, new(Now, ""), "{}", Now);
        token.LeaveToPerson();
        return token;
    }

    private static IReadOnlyList<Finding> Findings(Token token, AlertRules? rules = null, SystemStatus? pulse = null, Grant grant = Grant.ClientCredentials, IReadOnlySet<string>? ill = null)
    {
        var settings = Some.Settings(grant);
        var view = new TokenView(settings, TokenHealth.Of(token, settings, Now), token, Now);
        return AlertPolicy.Findings(new(Now, [view], [], pulse ?? Well, rules ?? Rules, ill ?? Nobody));
    }
}
