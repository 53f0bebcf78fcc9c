using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>Several tokens in one incident, each with a story of its own.</summary>
public sealed class IncidentReconcilerTests
{
    private static readonly DateTimeOffset Now = Some.Now;

    [Fact]
    public void A_lead_time_that_was_told_of_one_token_is_told_of_another_when_the_first_is_well_again()
    {
        var incident = Enter([], Now, DiesSoon("fino", 3)).Incidents.Single();
        incident.Told(IncidentEvent.Opened, 3, wasMailed: true, Now);
        Enter([incident], Now.AddDays(1), DiesSoon("fino", 3), DiesSoon("fino_kyc", 1));
        incident.Told(IncidentEvent.Joined, 3, wasMailed: true, Now.AddDays(1));

        var alone = Enter([incident], Now.AddDays(2), DiesSoon("fino_kyc", 1));
        AlertPolicy.Next(incident, alone.Of(incident), Now.AddDays(2)).ShouldBeNull("seven days were told when it joined");
        var later = Enter([incident], Now.AddDays(4), DiesSoon("fino_kyc", 2));

        AlertPolicy.Next(incident, later.Of(incident), Now.AddDays(4)).ShouldBe(IncidentEvent.Reminder);
    }

    [Fact]
    public void The_end_of_an_incident_says_nothing_of_a_token_that_another_one_is_about_now()
    {
        var incident = Enter([], Now, Fails("fino", "passing"), Fails("fino_kyc", "passing")).Incidents.Single();
        incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now);

        var book = Enter([incident], Now.AddMinutes(10), Fails("fino_kyc", "credential_rejected"));

        (incident.IsOpen, string.Join(", ", incident.Subjects)).ShouldBe((false, "fino"));
        AlertPolicy.Next(incident, book.Of(incident), Now.AddMinutes(10)).ShouldBe(IncidentEvent.Recovered);
        book.Opened.Single().Subjects.ShouldBe(["fino_kyc"]);
    }

    [Fact]
    public void A_providers_rate_that_is_well_again_stays_its_own_though_a_token_of_the_same_name_fails()
    {
        var incident = Enter([], Now, LowRate()).Incidents.Single();
        incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now);

        var book = Enter([incident], Now.AddMinutes(10), Fails("finnotech", "passing"), Fails("fino", "passing"));

        (incident.IsOpen, string.Join(", ", incident.Subjects)).ShouldBe((false, "finnotech"));
        AlertPolicy.Next(incident, book.Of(incident), Now.AddMinutes(10)).ShouldBe(IncidentEvent.Recovered);
    }

    [Fact]
    public void A_token_that_is_well_again_is_told_of_though_the_rate_of_the_provider_of_the_same_name_is_low()
    {
        var incident = Enter([], Now, Fails("finnotech", "passing")).Incidents.Single();
        incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now);

        var book = Enter([incident], Now.AddMinutes(10), LowRate());

        AlertPolicy.Next(incident, book.Of(incident), Now.AddMinutes(10)).ShouldBe(IncidentEvent.Recovered);
    }

    [Fact]
    public void An_incident_whose_tokens_were_removed_ends_with_them_and_nobody_hears_that_they_work_again()
    {
        var incident = Enter([], Now, Fails("fino", "passing"), Fails("fino_kyc", "passing")).Incidents.Single();
        incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now);

        var book = Enter([incident], Removed("fino", "fino_kyc"), Now.AddMinutes(10));

        (incident.IsOpen, incident.EndedByRemoval).ShouldBe((false, true));
        AlertPolicy.Next(incident, book.Of(incident), Now.AddMinutes(10)).ShouldBeNull();
    }

    [Fact]
    public void A_token_that_was_removed_leaves_an_incident_that_others_keep_open_or_end()
    {
        var incident = Enter([], Now, Fails("fino", "passing"), Fails("fino_kyc", "passing")).Incidents.Single();
        incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now);

        Enter([incident], Removed("fino"), Now.AddMinutes(10), Fails("fino_kyc", "passing"));
        (incident.IsOpen, string.Join(", ", incident.Subjects)).ShouldBe((true, "fino_kyc"));
        var book = Enter([incident], Removed(), Now.AddMinutes(20));

        (incident.IsOpen, incident.EndedByRemoval).ShouldBe((false, false));
        AlertPolicy.Next(incident, book.Of(incident), Now.AddMinutes(20)).ShouldBe(IncidentEvent.Recovered);
    }

    [Fact]
    public void The_rate_of_a_provider_goes_with_the_provider_and_not_with_a_token_of_the_same_name()
    {
        var incident = Enter([], Now, LowRate()).Incidents.Single();

        Enter([incident], Removed("finnotech"), Now.AddMinutes(10));
        incident.EndedByRemoval.ShouldBeFalse();
        var other = Enter([], Now, LowRate()).Incidents.Single();
        Enter([other], new(new HashSet<string>(), new HashSet<string> { "finnotech" }), Now.AddMinutes(10));

        other.EndedByRemoval.ShouldBeTrue();
    }

    private static RemovedSubjects Removed(params string[] tokens) => new(tokens.ToHashSet(), new HashSet<string>());

    private static IncidentReconciler Enter(IReadOnlyList<Incident> known, DateTimeOffset now, params Finding[] wrong) => Enter(known, Removed(), now, wrong);

    private static IncidentReconciler Enter(IReadOnlyList<Incident> known, RemovedSubjects removed, DateTimeOffset now, params Finding[] wrong)
    {
        var book = new IncidentReconciler(known, removed);
        book.Enter(wrong, now);
        return book;
    }

    private static Finding DiesSoon(string token, int stage) => new(IncidentKind.NeedsPerson, "finnotech", "expires_soon", "expires_soon", token, false, stage, "It cannot be renewed without a person.");

    private static Finding Fails(string token, string group) => new(IncidentKind.Failed, "finnotech", group, "provider_down", token, false, 0, "HTTP 503");

    private static Finding LowRate() => new(IncidentKind.SuccessRate, "finnotech", "rate", "success_rate", "finnotech", false, 0, "50 % of 10");
}
