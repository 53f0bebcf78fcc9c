using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Mails;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>Advice is read off what is scheduled and what the reader can do: every cause in every state under every schedule.</summary>
public sealed class AdviceTests
{
    private static readonly DateTimeOffset Now = Some.Now;
    private static readonly DateTimeOffset NextTry = Now.AddMinutes(7), NextSweep = Now.AddHours(5), NextBackup = Now.AddHours(4), PausedUntil = Now.AddHours(2);

    public enum Life
    {
        Plenty,
        Little,
        None,
        NeverObtained,
    }

    public enum Schedule
    {
        Usual,
        NoBackup,
        DueCheckPaused,
        NothingRuns,
    }

    public static TheoryData<FailureKind?, Life, Schedule> Everything
    {
        get
        {
            var data = new TheoryData<FailureKind?, Life, Schedule>();
            foreach (var kind in Enum.GetValues<FailureKind>().Cast<FailureKind?>().Append(null))
            {
                foreach (var life in Enum.GetValues<Life>())
                {
                    foreach (var schedule in Enum.GetValues<Schedule>())
                    {
                        data.Add(kind, life, schedule);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void Nobody_is_advised_to_do_nothing_and_what_will_come_by_itself_is_neither_denied_nor_invented(FailureKind? kind, Life life, Schedule schedule)
    {
        var news = News(kind, life, schedule);
        var (steps, byItself) = (Advice.For(news), Advice.ByItself(news));
        var mail = IncidentMails.Write(news).Text;

        steps.Count.ShouldBeGreaterThan(1);
        steps.ShouldAllBe(step => !step.StartsWith("Nothing", StringComparison.Ordinal));
        steps.Any(step => step.Contains("wait", StringComparison.OrdinalIgnoreCase)).ShouldBe(life == Life.Plenty && kind is (FailureKind.ProviderDown or FailureKind.RateLimited));
        mail.ShouldNotContain("Nothing is tried before");
        if (news.Incident.Kind == IncidentKind.NeedsPerson)
        {
            byItself.ShouldBeNull();
            steps[0].ShouldStartWith("Start the grant again");
            return;
        }

        var isRetried = kind is null || kind.Value.IsRetryable();
        byItself.ShouldBe((schedule, isRetried, kind) switch
        {
            (Schedule.NothingRuns, _, _) => "Nothing runs now, so there is no automatic retry: check the workers and the schedule first.",
            (Schedule.NoBackup, false, _) or (_, false, not FailureKind.CredentialRejected) => "There is no automatic retry until then.",
            (_, false, _) => $"Only the backup job retries automatically, next at {At(NextBackup)}.",
            (Schedule.DueCheckPaused, _, _) => $"The due check is paused until {At(PausedUntil)}, so there is no automatic retry before: resume it on the System page.",
            (_, _, null) => "The next automatic attempt is within a minute.",
            _ => $"The next automatic attempt is at {At(NextTry)}, in 7 min.",
        });
    }

    [Fact]
    public void With_the_due_check_paused_the_sweep_or_the_backup_job_may_be_the_next_to_try()
    {
        var token = Failing(FailureKind.ProviderDown, Life.Plenty);
        var outlook = Outlook(Schedule.DueCheckPaused) with { DueCheckPausedUntil = Now.AddHours(10) };

        outlook.Of(View(token)).ShouldBe(new NextAttempt(NextBackup, IsBackup: true));
        (outlook with { NextSweepAt = Now.AddHours(3) }).Of(View(token)).ShouldBe(new NextAttempt(Now.AddHours(3), IsBackup: false));
        (outlook with { NextBackupAt = null, NextSweepAt = null }).Of(View(token)).ShouldBe(new NextAttempt(Now.AddHours(10), IsBackup: false));
    }

    [Fact]
    public void A_jobs_own_retry_comes_though_the_due_check_is_paused()
    {
        var token = Some.Due();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), NextTry, "job");

        Outlook(Schedule.DueCheckPaused).Of(View(token)).ShouldBe(new NextAttempt(NextTry, IsBackup: false));
    }

    [Fact]
    public void A_retry_whose_time_has_come_is_expected_any_moment()
    {
        var news = News(FailureKind.ProviderDown, Life.Plenty, Schedule.Usual) with { Outlook = Outlook(Schedule.Usual) with { Now = NextTry.AddMinutes(1) }, Now = NextTry.AddMinutes(1) };

        Advice.ByItself(news).ShouldBe("The next automatic attempt is within a minute.");
    }

    [Fact]
    public void What_has_no_valid_token_to_test_is_tried_by_a_refresh()
    {
        Advice.For(News(FailureKind.ProviderDown, Life.Little, Schedule.Usual))[0].ShouldBe("Check now that this server reaches the provider: tokens test jibit.");
        Advice.For(News(FailureKind.ProviderDown, Life.None, Schedule.Usual))[0].ShouldBe("Check now that this server reaches the provider: tokens auto-refresh --token jibit --force --sync.");
    }

    [Theory]
    [InlineData(FailureKind.CredentialRejected, true)]
    [InlineData(FailureKind.Configuration, false)]
    [InlineData(FailureKind.GrantRevoked, false)]
    public void What_is_said_of_the_backup_job_is_what_the_refresh_does(FailureKind kind, bool isTried)
    {
        var token = Failing(kind, Life.Plenty);
        var verdict = RefreshEligibility.For(token, Some.Settings(), new("jibit", TokenRefresh.Jobs.Tokens.RefreshTrigger.Backup, "schedule"), "settings of today", Now);

        (verdict.IsDue, Outlook(Schedule.Usual).Of(View(token)) is not null).ShouldBe((isTried, isTried));
    }

    private static IncidentNews News(FailureKind? kind, Life life, Schedule schedule)
    {
        var token = Failing(kind, life);
        var view = View(token);
        var complaint = AlertPolicy.Findings(new(Now, [view], [], new(Now, TimeSpan.FromMinutes(1), 5, null), new(1, 1, 80), new HashSet<string>())).SingleOrDefault()
            ?? new Finding(IncidentKind.Failed, "jibit", "passing", kind?.Code() ?? "overdue", "jibit", life != Life.Plenty, 0, "HTTP 503", life is Life.None or Life.NeverObtained);
        var incident = Incident.Open(complaint, Now.AddMinutes(-5));
        incident.Describe(complaint.Cause, complaint.Detail, complaint.IsCritical, 0, Now);
        var word = complaint.IsExpired ? IncidentEvent.Expired : complaint.IsCritical ? IncidentEvent.Critical : IncidentEvent.Opened;
        return new(incident, word, Now, ["jibit"], [view], [], null, TimeZoneInfo.Utc, new(new MasterKey(new byte[MasterKey.Length]), "", PanelPaths.ForMessages, new FakeTimeProvider(Now)), Outlook(schedule));
    }

    private static ScheduleOutlook Outlook(Schedule schedule) =>
        new(Now, schedule != Schedule.NothingRuns, schedule == Schedule.DueCheckPaused ? PausedUntil : null, NextSweep, schedule == Schedule.NoBackup ? null : NextBackup);

    private static Token Failing(FailureKind? kind, Life life)
    {
        var token = life switch { Life.Plenty => Some.Due(), Life.Little => Some.Aged(TimeSpan.FromHours(23)), Life.None => Some.Expired(), _ => Some.New() };
        if (kind is { } known)
        {
            token.RecordFailure(new(known, "HTTP 503"), known.IsRetryable() ? NextTry : null, null);
        }

        return token;
    }

    private static TokenView View(Token token) => new(Some.Settings(), TokenHealth.Of(token, Some.Settings(), Now), token, Now);

    private static string At(DateTimeOffset instant) => MailTimeFormat.At(instant, TimeZoneInfo.Utc);
}
