using CsCheck;
using Shouldly;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class RenewalPolicyTests
{
    private static readonly DateTimeOffset Issued = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly RenewalRule Default = new(TimeSpan.FromMinutes(5), 0.667);

    [Theory]
    [InlineData("1.00:00:00", "16:00:00")]
    [InlineData("10.00:00:00", "6.16:00:00")]
    [InlineData("00:01:00", "00:00:30")]
    [InlineData("00:00:40", "00:00:20")]
    [InlineData("00:12:00", "00:07:00")]
    public void A_token_is_due_at_its_share_of_life_or_the_threshold_or_half_whichever_is_earliest_but_half(string life, string dueAfter)
    {
        var lifetime = Span(life);

        var plan = RenewalPolicy.Plan("jibit", Default, Issued, Issued + lifetime);

        var due = Span(dueAfter);
        (plan.DueAt - Issued).ShouldBeInRange(due - (lifetime * 0.01), due + (lifetime * 0.001));
    }

    [Fact]
    public void Whatever_the_lifetime_and_the_rule_a_token_is_due_within_its_life_and_not_before_its_middle() =>
        Gen.Select(Gen.Double[5, 366 * 86400.0], Gen.Double[0, 7 * 86400.0], Gen.Double[0.1, 0.99], Gen.String[1, 20]).Sample((life, threshold, share, name) =>
        {
            var expires = Issued + TimeSpan.FromSeconds(life);

            var plan = RenewalPolicy.Plan(name, new(TimeSpan.FromSeconds(threshold), share), Issued, expires);

            return plan.DueAt >= Issued && plan.DueAt < expires && expires - plan.DueAt <= TimeSpan.FromSeconds((life * 0.51) + 1);
        });

    [Fact]
    public void Tokens_issued_together_are_not_due_together()
    {
        var dues = Enumerable.Range(0, 1000)
            .Select(number => RenewalPolicy.Plan($"token-{number}", Default, Issued, Issued.AddDays(1)).DueAt).ToList();

        (dues.Max() - dues.Min()).ShouldBeGreaterThan(TimeSpan.FromMinutes(10));
        dues.GroupBy(due => due.ToUnixTimeSeconds()).Max(second => second.Count()).ShouldBeLessThan(15);
        dues.Max().ShouldBeLessThanOrEqualTo(Issued + (TimeSpan.FromDays(1) * 0.667), "the jitter makes a token due earlier, never later");
    }

    [Theory]
    [InlineData("1.00:00:00", "00:05:00", 0.667, "scheduled at 67 % of its 24-hour lifetime")]
    [InlineData("23:59:40", "00:05:00", 0.667, "scheduled at 67 % of its 24-hour lifetime")]
    [InlineData("00:50:20", "00:05:00", 0.667, "scheduled at 67 % of its 50 min 20 s lifetime")]
    [InlineData("00:12:00", "00:05:00", 0.667, "scheduled 5 min before expiry")]
    [InlineData("00:01:00", "00:05:00", 0.667, "scheduled at half of its 60-second lifetime")]
    [InlineData("1.00:00:00", "00:05:00", 0.2, "scheduled at half of its 24-hour lifetime")]
    [InlineData("00:10:00", "00:05:00", 0.667, "scheduled 5 min before expiry")]
    [InlineData("00:10:00", "00:05:00", 0.5, "scheduled at 50 % of its 10-minute lifetime")]
    public void The_reason_names_the_measure_that_decided(string life, string threshold, double share, string reason) =>
        RenewalPolicy.Plan("jibit", new(Span(threshold), share), Issued, Issued + Span(life)).Reason.ShouldBe(reason);

    [Fact]
    public void The_jitter_of_a_token_is_the_same_each_time() =>
        RenewalPolicy.Plan("jibit", Default, Issued, Issued.AddDays(1)).ShouldBe(RenewalPolicy.Plan("jibit", Default, Issued, Issued.AddDays(1)));

    [Fact]
    public void A_token_that_only_its_refresh_token_can_renew_is_due_before_that_dies()
    {
        var plan = RenewalPolicy.Plan("fino_sms", Default, Issued, Issued.AddDays(10), refreshExpiresAt: Issued.AddHours(48));

        plan.DueAt.ShouldBeLessThan(Issued.AddHours(47));
        plan.Reason.ShouldBe("scheduled before its refresh token expires");
    }

    [Fact]
    public void Where_the_refresh_token_lives_shorter_than_the_usual_lead_half_of_its_life_is_kept_in_hand() =>
        RenewalPolicy.Plan("fino_sms", Default, Issued, Issued.AddDays(10), refreshExpiresAt: Issued.AddHours(2)).DueAt.ShouldBe(Issued.AddHours(1));

    [Fact]
    public void A_refresh_token_that_was_dead_from_the_start_makes_the_token_due_at_once() =>
        RenewalPolicy.Plan("fino_sms", Default, Issued, Issued.AddDays(10), refreshExpiresAt: Issued.AddHours(-1)).DueAt.ShouldBe(Issued);

    [Fact]
    public void A_failing_token_with_life_left_is_tried_at_least_eight_times_before_it_dies() =>
        Gen.Select(Gen.Double[60, 10 * 86400.0], Gen.Int[1, 200]).Sample((left, failures) =>
            RenewalPolicy.PauseAfter("jibit", failures, 4, Issued, Issued.AddSeconds(left), null, Issued) <= TimeSpan.FromSeconds(Math.Max(5, left / 8)));

    [Fact]
    public void An_expired_token_is_never_left_alone_for_more_than_a_minute() =>
        Gen.Int[1, 10_000].Sample(failures => RenewalPolicy.PauseAfter("jibit", failures, 4, Issued.AddDays(-1), Issued.AddSeconds(-1), null, Issued) <= TimeSpan.FromMinutes(1));

    [Fact]
    public void The_pause_grows_with_each_round_of_failures_and_ends_at_an_hour()
    {
        var pauses = Enumerable.Range(0, 12).Select(round => RenewalPolicy.PauseAfter("jibit", 1 + (round * 4), 4, Issued, Issued.AddDays(9), null, Issued)).ToList();

        pauses[0].ShouldBeInRange(TimeSpan.FromMinutes(1.8), TimeSpan.FromMinutes(2));
        pauses[3].ShouldBeGreaterThan(pauses[0] * 6);
        pauses.Max().ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(1));
    }

    [Fact]
    public void The_attempts_of_one_job_are_one_round() =>
        Enumerable.Range(1, 8).Select(failures => Math.Ceiling(RenewalPolicy.PauseAfter("jibit", failures, 4, Issued, Issued.AddDays(9), null, Issued) / TimeSpan.FromMinutes(2)))
            .ShouldBe([1, 1, 1, 1, 2, 2, 2, 2]);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(-86_400)]
    public void A_dead_token_is_tried_about_once_a_minute_and_the_provider_is_not_hammered(int secondsLeft) =>
        RenewalPolicy.PauseAfter("jibit", 9, 4, Issued.AddDays(-2), Issued.AddSeconds(secondsLeft), null, Issued).ShouldBeInRange(TimeSpan.FromSeconds(54), TimeSpan.FromSeconds(60));

    [Theory]
    [InlineData(10, 5)]
    [InlineData(40, 10)]
    [InlineData(60, 15)]
    [InlineData(240, 60)]
    public void A_dead_token_of_a_short_life_is_left_alone_for_a_quarter_of_that_life_at_most(int life, double longest) =>
        RenewalPolicy.PauseAfter("jibit", 9, 4, Issued.AddSeconds(-life), Issued, null, Issued).ShouldBeInRange(TimeSpan.FromSeconds(0.9 * longest), TimeSpan.FromSeconds(longest));

    [Theory]
    [InlineData(59, 60, false)]
    [InlineData(60, 60, false)]
    [InlineData(61, 60, true)]
    [InlineData(61, 90, false)]
    public void A_token_that_lives_waits_for_its_jobs_retry_where_that_comes_before_its_death(int secondsLeft, int delay, bool waits) =>
        RenewalPolicy.CanWaitForRetry(Issued.AddDays(-1), Issued.AddSeconds(secondsLeft), TimeSpan.FromSeconds(delay), Issued).ShouldBe(waits);

    [Theory]
    [InlineData(0, 239, false)]
    [InlineData(0, 240, true)]
    [InlineData(-5, 239, false)]
    [InlineData(-5, 86_400, true)]
    public void A_dead_token_waits_for_its_jobs_retry_where_its_life_was_that_of_four_of_them(int secondsLeft, int life, bool waits) =>
        RenewalPolicy.CanWaitForRetry(Issued.AddSeconds(secondsLeft - life), Issued.AddSeconds(secondsLeft), TimeSpan.FromMinutes(1), Issued).ShouldBe(waits);

    [Fact]
    public void A_token_that_was_never_obtained_waits_for_its_jobs_retry() =>
        RenewalPolicy.CanWaitForRetry(null, null, TimeSpan.FromMinutes(1), Issued).ShouldBeTrue();

    [Fact]
    public void A_token_that_was_never_obtained_is_treated_as_a_dead_one() =>
        RenewalPolicy.PauseAfter("jibit", 9, 4, null, null, null, Issued).ShouldBeInRange(TimeSpan.FromSeconds(54), TimeSpan.FromSeconds(60));

    [Fact]
    public void Tokens_that_failed_together_are_not_tried_again_together() =>
        Enumerable.Range(0, 100).Select(number => RenewalPolicy.PauseAfter($"token-{number}", 1, 4, Issued, Issued.AddDays(1), null, Issued)).Distinct().Count().ShouldBeGreaterThan(90);

    [Fact]
    public void A_pause_is_never_shorter_than_the_provider_asked_for() =>
        RenewalPolicy.PauseAfter("jibit", 1, 4, Issued, Issued.AddDays(1), TimeSpan.FromHours(2), Issued).ShouldBe(TimeSpan.FromHours(2));

    [Theory]
    [InlineData("1.00:00:00", "00:00:00", "1.00:00:00", "23:58:00")]
    [InlineData("1.00:00:00", "18:00:00", "1.00:00:00", "05:58:00")]
    [InlineData("1.00:00:00", "18:00:00", "06:00:00", "05:58:00")]
    [InlineData("1.00:00:00", "18:00:00", "05:59:59", "05:59:59")]
    [InlineData("00:01:20", "00:00:00", "1.00:00:00", "00:01:10")]
    public void One_that_may_not_be_asked_for_while_it_is_valid_is_asked_for_once_more_shortly_before_its_end(string life, string age, string retryAfter, string pause) =>
        RenewalPolicy.PauseAfter("jibit", 1, 4, Issued, Issued + Span(life), Span(retryAfter), Issued + Span(age)).ShouldBe(Span(pause));

    [Theory]
    [InlineData("23:58:00")]
    [InlineData("23:56:00")]
    [InlineData("1.00:00:01")]
    public void After_that_attempt_and_after_the_end_the_provider_is_left_alone_as_long_as_it_asked(string age) =>
        RenewalPolicy.PauseAfter("jibit", 1, 4, Issued, Issued.AddDays(1), TimeSpan.FromDays(1), Issued + Span(age)).ShouldBe(TimeSpan.FromDays(1));

    private static TimeSpan Span(string text) => TimeSpan.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
