using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>What an incident remembers of what happened and of what people were told.</summary>
public sealed class IncidentTests
{
    private static readonly DateTimeOffset Now = Some.Now;

    [Fact]
    public void An_incident_takes_everything_over_from_the_first_complaint()
    {
        var incident = Failed("fino");

        (incident.Key, incident.Kind, incident.Scope, incident.Cause, incident.Detail).ShouldBe(("failed:finnotech:passing", IncidentKind.Failed, "finnotech", "provider_down", "HTTP 503"));
        (incident.OpenedAt, incident.JoinedAt, incident.IsOpen, incident.ToldAt, incident.CriticalAt).ShouldBe((Now, Now, true, null, null));
        incident.Subjects.ShouldBe(["fino"]);
    }

    [Fact]
    public void Who_joins_later_is_a_subject_that_nobody_was_told_of()
    {
        var incident = Failed("fino");
        incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now.AddMinutes(1));

        incident.Join("fino_kyc", Now.AddMinutes(5));

        incident.Subjects.ShouldBe(["fino", "fino_kyc"]);
        incident.ToldSubjects.ShouldBe(["fino"]);
        (incident.OpenedAt, incident.JoinedAt).ShouldBe((Now, Now.AddMinutes(5)));
    }

    [Fact]
    public void It_is_critical_since_it_first_became_so_and_does_not_become_harmless_again()
    {
        var incident = Failed("fino");

        incident.Describe("provider_down", "HTTP 503", isCritical: false, 0, Now.AddMinutes(1));
        incident.CriticalAt.ShouldBeNull();
        incident.Describe("provider_down", "HTTP 503", isCritical: true, 0, Now.AddMinutes(2));
        incident.Describe("provider_down", "HTTP 503", isCritical: true, 0, Now.AddMinutes(3));
        incident.Describe("rate_limited", "HTTP 429", isCritical: false, 0, Now.AddMinutes(4));

        (incident.CriticalAt, incident.Cause, incident.Detail).ShouldBe((Now.AddMinutes(2), "rate_limited", "HTTP 429"));
    }

    [Fact]
    public void What_people_were_told_is_kept_word_by_word()
    {
        var incident = Failed("fino");

        incident.Told(IncidentEvent.Opened, 1, wasMailed: true, Now.AddMinutes(1));
        (incident.ToldAt, incident.LastToldAt, incident.CriticalToldAt, incident.Reminders).ShouldBe((Now.AddMinutes(1), Now.AddMinutes(1), null, 0));

        incident.Told(IncidentEvent.Critical, 2, wasMailed: true, Now.AddMinutes(2));
        incident.Told(IncidentEvent.Reminder, 0, wasMailed: false, Now.AddMinutes(3));
        (incident.ToldAt, incident.LastToldAt, incident.CriticalToldAt, incident.Reminders).ShouldBe((Now.AddMinutes(1), Now.AddMinutes(3), Now.AddMinutes(2), 1));
        (incident.ToldStage, incident.WasMailed, incident.RecoveryToldAt).ShouldBe((2, true, null));

        incident.Told(IncidentEvent.Recovered, 3, wasMailed: true, Now.AddMinutes(4));
        (incident.LastToldAt, incident.RecoveryToldAt, incident.ToldStage).ShouldBe((Now.AddMinutes(3), Now.AddMinutes(4), 2));
    }

    [Fact]
    public void Of_what_was_never_mailed_it_says_so() => Told(Failed("fino"), wasMailed: false).WasMailed.ShouldBeFalse();

    [Fact]
    public void One_that_comes_back_is_another_one_that_counts_those_before_it()
    {
        var first = Told(Failed("fino"), wasMailed: true);
        first.Acknowledge("sara", Now.AddMinutes(8));
        first.Resolve(Now.AddMinutes(9));

        var second = Incident.Open(Finding("fino_sms"), Now.AddMinutes(30), before: first);
        var third = Incident.Open(Finding("fino_sms"), Now.AddMinutes(60), before: second);

        (first.Flaps, second.Flaps, third.Flaps).ShouldBe((0, 1, 2));
        (first.OpenedAt, first.ResolvedAt, first.ToldAt, first.AcknowledgedBy).ShouldBe((Now, Now.AddMinutes(9), Now.AddMinutes(1), "sara"));
        (second.OpenedAt, second.IsOpen, second.ToldAt, second.AcknowledgedAt, second.WasMailed).ShouldBe((Now.AddMinutes(30), true, null, null, false));
        second.Subjects.ShouldBe(["fino_sms"]);
    }

    [Fact]
    public void Of_whom_people_were_told_that_it_is_urgent_is_kept_until_it_is_well_again()
    {
        var incident = Failed("fino");
        incident.ToldOf([Finding("fino") with { IsCritical = true, IsExpired = true }, Finding("fino_kyc") with { IsCritical = true }, Finding("fino_sms")]);
        (string.Join(' ', incident.ToldCritical), string.Join(' ', incident.ToldExpired)).ShouldBe(("fino fino_kyc", "fino"));

        incident.Forget(["fino"]);

        (string.Join(' ', incident.ToldCritical), string.Join(' ', incident.ToldExpired)).ShouldBe(("fino_kyc", ""));
    }

    [Fact]
    public void A_subject_that_is_another_incidents_now_leaves()
    {
        var incident = Failed("fino");
        incident.Join("fino_kyc", Now);

        incident.Leave(["fino"]);

        incident.Subjects.ShouldBe(["fino_kyc"]);
    }

    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(1, 3, 1)]
    public void A_lead_time_that_was_told_of_a_subject_that_is_well_again_is_told_of_the_others_anew(int told, int stage, int remembered)
    {
        var incident = Failed("fino");
        incident.Told(IncidentEvent.Reminder, told, wasMailed: true, Now);

        incident.Describe("expires_soon", "It cannot be renewed without a person.", isCritical: false, stage, Now);

        incident.ToldStage.ShouldBe(remembered);
    }

    [Theory]
    [InlineData(IncidentKind.Failed, true)]
    [InlineData(IncidentKind.NeedsPerson, true)]
    [InlineData(IncidentKind.SuccessRate, false)]
    [InlineData(IncidentKind.StalledComponent, false)]
    public void Incidents_of_some_kinds_are_about_tokens(IncidentKind kind, bool isOfTokens) =>
        Incident.Open(new(kind, "finnotech", "group", "cause", "fino", false, 0, "words"), Now).IsOfTokens.ShouldBe(isOfTokens);

    [Fact]
    public void The_end_is_news_unless_another_incident_has_taken_its_subjects()
    {
        var (resolved, superseded) = (Failed("fino"), Failed("fino"));

        resolved.Resolve(Now.AddMinutes(1));
        superseded.Supersede(Now.AddMinutes(1));

        (resolved.IsOpen, resolved.ResolvedAt, resolved.RecoveryToldAt).ShouldBe((false, Now.AddMinutes(1), null));
        (superseded.IsOpen, superseded.ResolvedAt, superseded.RecoveryToldAt).ShouldBe((false, Now.AddMinutes(1), Now.AddMinutes(1)));
    }

    [Fact]
    public void Whoever_takes_care_and_until_when_nobody_is_reminded_are_kept()
    {
        var incident = Failed("fino");

        incident.Acknowledge("sara", Now.AddMinutes(8));
        incident.Snooze(Now.AddDays(1));

        (incident.AcknowledgedBy, incident.AcknowledgedAt, incident.SnoozedUntil).ShouldBe(("sara", Now.AddMinutes(8), Now.AddDays(1)));
    }

    [Fact]
    public void What_it_is_about_fits_a_subject()
    {
        var two = Failed("fino");
        two.Join("fino_kyc", Now);

        Failed("fino").About.ShouldBe("fino (provider_down)");
        two.About.ShouldBe("2 tokens of finnotech (provider_down)");
        Open(IncidentKind.SuccessRate, "71 % of 100 attempts succeeded").About.ShouldBe("finnotech, 71 % of 100 attempts succeeded");
        Open(IncidentKind.StalledComponent, "no worker is alive").About.ShouldBe("no worker is alive");
    }

    [Fact]
    public void Its_mails_are_one_thread_and_its_return_is_another()
    {
        var incident = Failed("fino");
        var thread = incident.ThreadId;
        incident.Resolve(Now.AddMinutes(1));
        var back = Incident.Open(Finding("fino"), Now.AddMinutes(30), before: incident);

        thread.ShouldBe($"failed.finnotech.passing.{Now.ToUnixTimeSeconds()}");
        back.ThreadId.ShouldBe($"failed.finnotech.passing.{Now.AddMinutes(30).ToUnixTimeSeconds()}");
        Incident.Open(Finding("workers") with { Kind = IncidentKind.StalledComponent, Scope = "", Group = "silence" }, Now).ThreadId.ShouldBe($"silence.silence.{Now.ToUnixTimeSeconds()}");
    }

    [Theory]
    [InlineData(IncidentKind.Failed, "failed")]
    [InlineData(IncidentKind.NeedsPerson, "needs_person")]
    [InlineData(IncidentKind.SuccessRate, "success_rate")]
    [InlineData(IncidentKind.StalledComponent, "silence")]
    public void A_kind_is_stored_by_its_name_and_read_back(IncidentKind kind, string code)
    {
        kind.Code().ShouldBe(code);
        IncidentNames.ParseKind(code).ShouldBe(kind);
    }

    [Fact]
    public void A_name_that_no_kind_has_is_a_mistake() => Should.Throw<InvalidOperationException>(() => IncidentNames.ParseKind("no_such_kind"));

    private static Finding Finding(string subject) => new(IncidentKind.Failed, "finnotech", "passing", "provider_down", subject, false, 0, "HTTP 503");

    private static Incident Failed(string subject) => Incident.Open(Finding(subject), Now);

    private static Incident Open(IncidentKind kind, string detail) => Incident.Open(Finding("fino") with { Kind = kind, Detail = detail }, Now);

    private static Incident Told(Incident incident, bool wasMailed)
    {
        incident.Told(IncidentEvent.Opened, 0, wasMailed, Now.AddMinutes(1));
        return incident;
    }
}
