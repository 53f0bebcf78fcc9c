using CsCheck;
using Shouldly;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Tests.Jobs.Tokens;

/// <summary>What holds of renewal times for every life from five seconds to a year, every allowed setting and whatever the clock says.</summary>
public sealed class RenewalPropertyTests
{
    private const int Samples = 5000;

    private static readonly TimeSpan HairsBreadth = TimeSpan.FromMicroseconds(1);

    // Short lives and long ones alike: evenly over the magnitudes, not over the seconds.
    private static readonly Gen<TimeSpan> Lives = Gen.Double[Math.Log(5), Math.Log(366 * 86400.0)].Select(log => TimeSpan.FromSeconds(Math.Exp(log)));

    private static readonly Gen<DateTimeOffset> Clocks = Gen.Long[DateTimeOffset.UnixEpoch.Ticks, new DateTimeOffset(9000, 1, 1, 0, 0, 0, TimeSpan.Zero).Ticks]
        .Select(ticks => new DateTimeOffset(ticks, TimeSpan.Zero));

    private static readonly Gen<TimeSpan> Thresholds = Gen.Double[0, 7 * 86400.0].Select(TimeSpan.FromSeconds);

    private static readonly Gen<RenewalRule> Rules = Gen.Select(Thresholds, Gen.Double[0.1, 0.99]).Select(parts => new RenewalRule(parts.Item1, parts.Item2));

    private static readonly Gen<string> Names = Gen.Char["abcdefghijklmnopqrstuvwxyz0123456789_.-"].Array[1, 64].Select(signs => new string(signs));

    [Fact]
    public void A_token_is_due_after_it_was_issued_and_before_it_dies_with_at_most_half_of_its_life_and_the_jitter_as_lead() =>
        Gen.Select(Names, Rules, Clocks, Lives).Sample((name, rule, issued, life) =>
        {
            var due = RenewalPolicy.Plan(name, rule, issued, issued + life).DueAt;

            return due > issued && due < issued + life && issued + life - due <= (life * 0.51) + HairsBreadth;
        }, iter: Samples);

    [Fact]
    public void The_lead_is_never_shorter_than_the_threshold_or_the_share_asks_unless_half_of_the_life_is_less() =>
        Gen.Select(Names, Rules, Clocks, Lives).Sample((name, rule, issued, life) =>
        {
            var lead = issued + life - RenewalPolicy.Plan(name, rule, issued, issued + life).DueAt;

            return lead + HairsBreadth >= life / 2 || (lead + HairsBreadth >= rule.Threshold && lead + HairsBreadth >= life * (1 - rule.LifetimeFraction));
        }, iter: Samples);

    [Fact]
    public void What_only_a_refresh_token_can_renew_is_due_before_that_dies_and_no_later_than_otherwise() =>
        Gen.Select(Names, Rules, Clocks, Lives, Lives).Sample((name, rule, issued, life, refreshLife) =>
        {
            var without = RenewalPolicy.Plan(name, rule, issued, issued + life);
            var with = RenewalPolicy.Plan(name, rule, issued, issued + life, issued + refreshLife);

            return with.DueAt >= issued && with.DueAt < issued + refreshLife && with.DueAt <= without.DueAt;
        }, iter: Samples);

    [Fact]
    public void A_larger_threshold_or_a_smaller_share_never_makes_a_token_due_later() =>
        Gen.Select(Names, Rules, Rules, Clocks, Lives, Lives).Sample((name, one, other, issued, life, refreshLife) =>
        {
            var cautious = new RenewalRule(Longer(one.Threshold, other.Threshold), Math.Min(one.LifetimeFraction, other.LifetimeFraction));

            return Due(cautious) <= Due(one) && Due(cautious) <= Due(other)
                && Due(cautious, refreshLife) <= Due(one, refreshLife) && Due(cautious, refreshLife) <= Due(other, refreshLife);

            DateTimeOffset Due(RenewalRule rule, TimeSpan? refresh = null) => RenewalPolicy.Plan(name, rule, issued, issued + life, issued + refresh).DueAt;
        }, iter: Samples);

    [Fact]
    public void The_next_attempt_lies_ahead_and_not_before_the_provider_asked_unless_the_token_ends_first_and_not_further_than_an_hour_beyond_that() =>
        Gen.Select(Names, Gen.Int[0, int.MaxValue], Gen.Int[1, 11], Gen.Select(Clocks, Lives), Gen.Int[-366 * 86400, 366 * 86400], Gen.Int[0, 86400].Nullable()).Sample((name, failures, round, when, left, retryAfter) =>
        {
            var ((now, life), expires) = (when, when.Item1.AddSeconds(left));
            TimeSpan? asked = retryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

            var pause = RenewalPolicy.PauseAfter(name, failures, round, expires - life, expires, asked, now);

            var isTriedBeforeItsEnd = left > 0 && asked >= expires - now && now + pause < expires;
            return pause > TimeSpan.Zero && (!(pause < asked) || isTriedBeforeItsEnd) && pause <= Longer(asked ?? TimeSpan.Zero, TimeSpan.FromHours(1));
        }, iter: Samples);

    [Fact]
    public void Between_due_and_death_a_token_of_a_minute_or_more_is_tried_at_least_five_times_whatever_has_failed_before() =>
        Gen.Select(Names, Clocks, Lives.Where(life => life >= TimeSpan.FromMinutes(1)), Gen.Int[1, 4], Gen.Int[0, 1000]).Sample((name, issued, life, round, failures) =>
        {
            var expires = issued + life;
            var now = RenewalPolicy.Plan(name, new(TimeSpan.FromMinutes(5), 0.667), issued, expires).DueAt;
            var attempts = 0;
            while (now < expires)
            {
                attempts++;
                now += RenewalPolicy.PauseAfter(name, ++failures, round, issued, expires, null, now);
            }

            attempts.ShouldBeInRange(5, 20_000);
        }, iter: 500);

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
