using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>What is told of an incident, and to the second when.</summary>
public sealed class AlertWordsTests
{
    private static readonly DateTimeOffset Opened = Some.Now;

    [Fact]
    public void Tokens_that_fail_together_are_told_of_together_twenty_seconds_after_the_last_joined()
    {
        var incident = Failed();
        incident.Join("fino_kyc", Opened.AddSeconds(15));

        Next(incident, 34.9).ShouldBeNull();
        Next(incident, 35).ShouldBe(IncidentEvent.Opened);
    }

    [Fact]
    public void But_no_later_than_two_minutes_after_the_first()
    {
        var incident = Failed();
        incident.Join("fino_kyc", Opened.AddSeconds(115));

        Next(incident, 119.9).ShouldBeNull();
        Next(incident, 120).ShouldBe(IncidentEvent.Opened);
    }

    [Fact]
    public void A_silence_is_told_after_a_minute()
    {
        var incident = Incident.Open(Finding(0) with { Kind = IncidentKind.StalledComponent }, Opened);

        Next(incident, 59.9).ShouldBeNull();
        Next(incident, 60).ShouldBe(IncidentEvent.Opened);
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 10)]
    [InlineData(3, 20)]
    [InlineData(4, 40)]
    [InlineData(5, 60)]
    [InlineData(50, 60)]
    public void What_comes_and_goes_is_told_ever_more_slowly_and_after_an_hour_at_the_latest(int flaps, int minutes)
    {
        var incident = CameBack(flaps);

        Next(incident, (minutes * 60) - 0.1).ShouldBeNull();
        Next(incident, minutes * 60).ShouldBe(IncidentEvent.Opened);
    }

    [Fact]
    public void The_first_word_of_what_is_critical_already_says_so()
    {
        var incident = Failed();
        incident.Describe("provider_down", "HTTP 503", isCritical: true, 0, Opened);

        Next(incident, 20).ShouldBe(IncidentEvent.Critical);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public void What_is_critical_or_has_expired_is_told_at_once_however_often_it_came_before(int flaps)
    {
        foreach (var (complaint, word) in new[] { (Critical("fino"), IncidentEvent.Critical), (Expired("fino"), IncidentEvent.Expired) })
        {
            var incident = CameBack(flaps);

            Next(incident, 19.9, complaint).ShouldBeNull("tokens that fail together are told of together");
            Next(incident, 20, complaint).ShouldBe(word);
        }
    }

    [Fact]
    public void What_came_and_went_and_becomes_critical_is_not_told_more_slowly_any_more()
    {
        var incident = CameBack(5);
        Next(incident, 600).ShouldBeNull();

        Next(incident, 601, Critical("fino")).ShouldBe(IncidentEvent.Critical);
    }

    [Fact]
    public void What_becomes_critical_is_told_once_and_so_is_its_end_though_somebody_sleeps_on_it()
    {
        var incident = Told();
        incident.Snooze(Opened.AddDays(1));
        incident.Acknowledge("sara", Opened);

        Next(incident, 60, Critical("fino")).ShouldBe(IncidentEvent.Critical);
        incident.Told(IncidentEvent.Critical, 0, wasMailed: true, Opened.AddMinutes(1));
        incident.ToldOf([Critical("fino")]);
        Next(incident, 61, Critical("fino")).ShouldBeNull();

        Next(incident, 62, Expired("fino")).ShouldBe(IncidentEvent.Expired);
        incident.ToldOf([Expired("fino")]);
        Next(incident, 600, Expired("fino")).ShouldBeNull();
    }

    [Fact]
    public void Further_tokens_that_become_critical_or_expire_are_told_of_together_two_minutes_after_the_last_word()
    {
        var incident = Told();
        incident.ToldOf([Expired("fino")]);

        Next(incident, 119.9, Expired("fino"), Expired("fino_kyc")).ShouldBeNull();
        Next(incident, 120, Expired("fino"), Expired("fino_kyc"), Critical("fino_sms")).ShouldBe(IncidentEvent.Expired);
        Next(incident, 120, Expired("fino"), Critical("fino_sms")).ShouldBe(IncidentEvent.Critical);
    }

    [Fact]
    public void It_is_reminded_of_after_one_three_six_twelve_hours_and_then_daily()
    {
        var incident = Told();
        var at = Opened;
        foreach (var hours in new[] { 1, 3, 6, 12, 24, 24, 24 })
        {
            AlertPolicy.Next(incident, [Finding(0)], at.AddHours(hours).AddSeconds(-1)).ShouldBeNull();
            at = at.AddHours(hours);
            AlertPolicy.Next(incident, [Finding(0)], at).ShouldBe(IncidentEvent.Reminder);
            incident.Told(IncidentEvent.Reminder, 0, wasMailed: true, at);
        }
    }

    [Fact]
    public void Nobody_is_reminded_of_what_somebody_takes_care_of()
    {
        var incident = Told();
        incident.Acknowledge("sara", Opened);

        Next(incident, 86_400).ShouldBeNull();
    }

    [Fact]
    public void Nobody_is_reminded_before_the_time_to_which_it_was_put_off()
    {
        var incident = Told();
        incident.Snooze(Opened.AddHours(9));

        Next(incident, (9 * 3600) - 1).ShouldBeNull();
        Next(incident, 9 * 3600).ShouldBe(IncidentEvent.Reminder);
    }

    [Fact]
    public void Further_tokens_are_told_of_together_half_an_hour_after_the_last_word()
    {
        var incident = Told();
        incident.Join("fino_kyc", Opened.AddMinutes(1));

        NextWithBoth(1799).ShouldBeNull();
        NextWithBoth(1800).ShouldBe(IncidentEvent.Joined);
        Next(incident, 1800).ShouldBeNull("it is well again");

        IncidentEvent? NextWithBoth(double secondsLater) =>
            AlertPolicy.Next(incident, [Finding(0), Finding(0) with { Subject = "fino_kyc" }], Opened.AddSeconds(secondsLater));
    }

    [Fact]
    public void What_dies_at_a_known_day_is_told_of_at_each_lead_time_and_not_in_between()
    {
        var incident = Told(stage: 1);

        Next(incident, 3 * 86_400, stage: 1).ShouldBeNull();
        Next(incident, 3 * 86_400, stage: 2).ShouldBe(IncidentEvent.Reminder);
    }

    [Fact]
    public void Of_several_that_die_the_nearest_counts() =>
        AlertPolicy.Next(Told(stage: 1), [Finding(1), Finding(3), Finding(2)], Opened.AddDays(1)).ShouldBe(IncidentEvent.Reminder);

    [Fact]
    public void A_lead_time_outranks_a_sleep()
    {
        var incident = Told(stage: 1);
        incident.Snooze(Opened.AddDays(30));

        Next(incident, 60, stage: 2).ShouldBe(IncidentEvent.Reminder);
    }

    [Fact]
    public void The_end_is_told_once()
    {
        var incident = Told();
        incident.Resolve(Opened.AddMinutes(5));

        AlertPolicy.Next(incident, [], Opened.AddMinutes(5)).ShouldBe(IncidentEvent.Recovered);
        incident.Told(IncidentEvent.Recovered, 0, wasMailed: true, Opened.AddMinutes(5));
        AlertPolicy.Next(incident, [], Opened.AddMinutes(6)).ShouldBeNull();
    }

    [Fact]
    public void The_end_of_what_nobody_was_told_of_is_no_news()
    {
        var incident = Failed();
        incident.Resolve(Opened.AddSeconds(10));

        AlertPolicy.Next(incident, [], Opened.AddHours(1)).ShouldBeNull();
    }

    [Fact]
    public void A_clock_that_was_put_back_tells_nothing_twice() => Next(Told(), -7200).ShouldBeNull();

    private static Finding Finding(int stage) => new(IncidentKind.Failed, "finnotech", "passing", "provider_down", "fino", false, stage, "HTTP 503");

    private static Finding Critical(string token) => Finding(0) with { Subject = token, IsCritical = true };

    private static Finding Expired(string token) => Critical(token) with { IsExpired = true };

    private static Incident CameBack(int flaps)
    {
        var incident = Failed();
        for (var flap = 0; flap < flaps; flap++)
        {
            incident = Incident.Open(Finding(0), Opened, before: incident);
        }

        return incident;
    }

    private static Incident Failed() => Incident.Open(Finding(0), Opened);

    private static Incident Told(int stage = 0)
    {
        var incident = Failed();
        incident.Told(IncidentEvent.Opened, stage, wasMailed: true, Opened);
        return incident;
    }

    private static IncidentEvent? Next(Incident incident, double secondsLater) => Next(incident, secondsLater, stage: 0);

    private static IncidentEvent? Next(Incident incident, double secondsLater, int stage) => Next(incident, secondsLater, Finding(stage));

    private static IncidentEvent? Next(Incident incident, double secondsLater, params Finding[] complaints) => AlertPolicy.Next(incident, complaints, Opened.AddSeconds(secondsLater));
}
