using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class AlertPolicyTests
{
    private static readonly DateTimeOffset Now = Some.Now;
    private static readonly AlertRules Rules = new(RunsOfAJob: 4, ConsecutiveFailures: 3, SuccessRate: 80);
    private static readonly Pulse Well = new(Now, TimeSpan.FromMinutes(1), 5, null);

    [Fact]
    public void A_fresh_a_due_and_a_paused_token_are_no_complaint()
    {
        var paused = Some.Failing(FailureKind.CredentialRejected);
        paused.Pause(Now, null, "holiday");

        Complaints(Some.Fresh()).ShouldBeEmpty();
        Complaints(Some.Aged(TimeSpan.FromHours(16) + TimeSpan.FromMinutes(2))).ShouldBeEmpty();
        Complaints(paused).ShouldBeEmpty();
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

        Complaints(token).Any().ShouldBe(isComplaint);
    }

    [Fact]
    public void With_a_retry_pending_only_a_dead_token_is_a_complaint()
    {
        var failing = Some.Failing(FailureKind.ProviderDown, Now.AddMinutes(2), "job");
        failing.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "job");
        failing.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "job");
        var dead = Some.Expired();
        dead.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "job");

        Complaints(failing).ShouldBeEmpty();
        Complaints(dead).ShouldHaveSingleItem().IsCritical.ShouldBeTrue();
    }

    [Fact]
    public void A_retry_whose_time_has_long_passed_is_not_pending()
    {
        var token = Some.Fresh();
        for (var failure = 0; failure < 3; failure++)
        {
            token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(-1), "a job that died");
        }

        Complaints(token).ShouldHaveSingleItem();
    }

    [Fact]
    public void Without_the_rule_on_failures_in_a_row_only_a_jobs_last_retry_counts()
    {
        var token = Some.Fresh();
        for (var failure = 0; failure < 3; failure++)
        {
            token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), null);
        }

        Complaints(token, Rules with { ConsecutiveFailures = 0 }).ShouldBeEmpty();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), null);
        Complaints(token, Rules with { ConsecutiveFailures = 0 }).ShouldHaveSingleItem();
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

            return Complaints(token).ShouldHaveSingleItem().Key;
        }
    }

    [Fact]
    public void A_late_token_is_a_complaint_unless_the_silence_of_everything_explains_it()
    {
        var late = Some.Aged(TimeSpan.FromHours(18));

        Complaints(late).ShouldHaveSingleItem().Cause.ShouldBe("overdue");
        Complaints(late, pulse: Well with { Workers = 0 }).ShouldHaveSingleItem().Kind.ShouldBe(IncidentKind.Silence);
        Complaints(Some.Expired(), pulse: Well with { Workers = 0 }).Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(9, 0, false)]
    [InlineData(8, 2, false)]
    [InlineData(79, 21, true)]
    [InlineData(0, 10, true)]
    [InlineData(0, 9, false)]
    public void A_success_rate_below_the_threshold_is_a_complaint_once_there_are_ten_attempts(long successes, long failures, bool isComplaint) =>
        AlertPolicy.Complaints(new(Now, [], [new("jibit", successes, failures)], Well, Rules)).Any().ShouldBe(isComplaint);

    [Fact]
    public void A_threshold_of_zero_switches_the_rule_on_success_rates_off() =>
        AlertPolicy.Complaints(new(Now, [], [new("jibit", 0, 100)], Well, Rules with { SuccessRate = 0 })).ShouldBeEmpty();

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
        var pulse = new Pulse(Now.AddSeconds(-tickAgo), TimeSpan.FromMinutes(1), workers, unsentFor == 0 ? null : Now.AddSeconds(-unsentFor));

        string.Join(',', pulse.Silences(Now).Select(silence => silence.Part)).ShouldBe(silent);
    }

    [Fact]
    public void A_scheduler_that_never_ticked_is_silent() =>
        (Well with { SchedulerTick = null }).Silences(Now).ShouldHaveSingleItem().Words.ShouldBe("the due check has never run");

    private static IReadOnlyList<Complaint> Complaints(Token token, AlertRules? rules = null, Pulse? pulse = null)
    {
        var settings = Some.Settings();
        var view = new TokenView(settings, TokenHealth.Of(token, settings, Now), token, Now);
        return AlertPolicy.Complaints(new(Now, [view], [], pulse ?? Well, rules ?? Rules));
    }
}
