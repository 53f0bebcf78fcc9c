using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Mails;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>Each mail against an approved sample. A changed one is written beside it as <c>.received</c>, to be looked at and, if right, renamed.</summary>
public sealed class MailSamplesTests
{
    private static readonly DateTimeOffset Now = Some.Now;
    private static readonly TimeZoneInfo Zone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Tehran");
    private static readonly IncidentLinks Links = new(new MasterKey(new byte[MasterKey.Length]), "https://tokens.example.com/", PanelPaths.ForMessages, new FakeTimeProvider(Now));

    [Theory]
    [InlineData("failed")]
    [InlineData("critical")]
    [InlineData("joined")]
    [InlineData("reminder")]
    [InlineData("recovered")]
    [InlineData("needs-person")]
    [InlineData("success-rate")]
    [InlineData("silence")]
    [InlineData("hostile")]
    public void The_mail_of_an_incident_is_as_approved(string name) => Compare(name, IncidentMails.Write(News(name)));

    [Fact]
    public void The_summary_is_as_approved()
    {
        var day = new AttemptStatistics(120, 90, 10, 20, 110, 6, 4, 90, 412.5, 1200);
        TokenView[] tokens = [View(Failing(FailureKind.ProviderDown, 4), "jibit"), View(Some.Fresh(), "fino_kyc")];

        Compare("summary", SummaryMail.Write(new(SystemDiagnosis.Of(tokens, new(Now, TimeSpan.FromMinutes(1), 5, null), [], [], Now), day, [new("jibit", day)], TimeSpan.FromMinutes(12), [Opened(IncidentKind.Failed, "passing", "provider_down", "HTTP 503", "jibit")], 3), Zone, Links));
    }

    [Theory]
    [InlineData("failed")]
    [InlineData("critical")]
    [InlineData("joined")]
    [InlineData("reminder")]
    [InlineData("recovered")]
    [InlineData("needs-person")]
    [InlineData("success-rate")]
    [InlineData("silence")]
    public void The_mail_of_an_incident_in_persian_has_no_english_sentence_left(string name)
    {
        var mail = IncidentMails.Write(News(name), MailLanguage.Persian);

        English(mail.Subject).ShouldBeEmpty(mail.Subject);
        English(mail.Text).ShouldBeEmpty(mail.Text);
        mail.Html.ShouldContain("<html lang=\"fa\" dir=\"rtl\">");
        Regex.Matches(mail.Text, "\\d+ (s|min|h|d)\\b|[0-9]{4}-[0-9]{2}|^[0-9]+\\. ", RegexOptions.Multiline).ShouldBeEmpty(mail.Text);
    }

    [Fact]
    public void An_expiry_that_has_passed_and_the_steps_are_in_persian_with_persian_digits()
    {
        var mail = IncidentMails.Write(News("critical") with { Now = Now.AddHours(2) }, MailLanguage.Persian);

        mail.Text.ShouldMatch("نزدیک‌ترین انقضا +۱۴۰۴-\\d\\d-\\d\\d \\d\\d:\\d\\d، [۰-۹]+ .* پیش");
        mail.Text.ShouldMatch("(?m)^۱\\. .*\n۲\\. ");
        mail.Html.ShouldContain("<ol style=\"list-style-type:persian\">");
    }

    [Theory]
    [MemberData(nameof(Triggers))]
    public void The_mail_of_a_success_in_persian_says_what_set_it_off_and_when_it_expires_in_the_zone_of_the_mail(RefreshTrigger trigger)
    {
        var scheduled = SuccessMail.Write([Done(trigger, "schedule")], Zone, Links, MailLanguage.Persian);
        var called = SuccessMail.Write([Done(trigger, "cli:root")], Zone, Links, MailLanguage.Persian);

        scheduled.Text.ShouldContain("، توسط زمان‌بندی");
        called.Text.ShouldContain("، توسط cli:root");
        scheduled.Text.ShouldContain("انقضا ۱۴۰۵-۰۹-۲۰ ۰۸:۴۷.");
        Regex.Matches(scheduled.Text.Split('\n').Single(line => line.StartsWith("jibit ", StringComparison.Ordinal)), "[A-Za-z]+").Select(match => match.Value).ShouldBe(["jibit"]);
    }

    [Fact]
    public void The_mail_of_a_success_in_english_has_one_zone() =>
        SuccessMail.Write([Done(RefreshTrigger.Due, "schedule")], Zone, Links).Text.ShouldContain("Refreshed; expires 2026-12-11 08:47.");

    [Fact]
    public void The_summary_in_persian_has_jalali_dates_and_no_english_sentence_left()
    {
        var day = new AttemptStatistics(120, 90, 10, 20, 110, 6, 4, 90, 412.5, 1200);
        TokenView[] tokens = [View(Failing(FailureKind.ProviderDown, 4), "jibit"), View(Some.Fresh(), "fino_kyc")];

        var mail = SummaryMail.Write(new(SystemDiagnosis.Of(tokens, new(Now, TimeSpan.FromMinutes(1), 5, null), [], [], Now), day, [new("jibit", day)], TimeSpan.FromMinutes(12), [], 3), Zone, Links, MailLanguage.Persian);

        English(mail.Text).ShouldBeEmpty(mail.Text);
        mail.Text.ShouldContain("٪");
        mail.Text.ShouldNotContain("%");
        mail.Text.ShouldMatch("۱۴\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d");
    }

    public static TheoryData<RefreshTrigger> Triggers { get; } = [.. Enum.GetValues<RefreshTrigger>()];

    private static RefreshAttempt Done(RefreshTrigger trigger, string by)
    {
        var expiry = new DateTimeOffset(2026, 12, 11, 5, 17, 47, TimeSpan.Zero);
        var done = RefreshAttempt.Open("jibit", new("jibit", trigger, by), "", "a node", Now);
        done.End(AttemptResult.Succeeded($"Refreshed; expires {expiry:u}.", "{}", null, expiry, TimeSpan.Zero), Now);
        return done;
    }

    // Two Latin words in a row are a sentence, unless they are a provider's own, a verb of ours or an address.
    private static IEnumerable<string> English(string text) => Regex.Matches(
        Regex.Replace(text, "HTTP \\d+ [A-Za-z_.]+|https?://\\S+|tokens (import|test|auto-refresh)( --?[a-z]+)*( [A-Za-z_]+)?( --?[a-z]+)*|notify test", " "), "[A-Za-z]{2,} [A-Za-z]{2,}").Select(match => match.Value);

    private static IncidentNews News(string name)
    {
        var incident = name switch
        {
            "needs-person" => Opened(IncidentKind.NeedsPerson, "expires_soon", "expires_soon", "It cannot be renewed without a person.", "jibit"),
            "success-rate" => Opened(IncidentKind.SuccessRate, "rate", "success_rate", "62.5 % of 40 attempts succeeded", "jibit"),
            "silence" => Opened(IncidentKind.StalledComponent, "silence", "silence", "the last due check was 5 min ago", ["scheduler"], ""),
            "hostile" => Opened(IncidentKind.Failed, "passing", "invalid_response", "<script>alert(1)</script>\r\nBcc: all@example.com \u202Eevil", "jibit"),
            "critical" => Opened(IncidentKind.Failed, "credential_rejected", "credential_rejected", "HTTP 401 invalid.credentials", "jibit"),
            _ => Opened(IncidentKind.Failed, "passing", "provider_down", "HTTP 503 SERVICE_UNAVAILABLE", "fino_kyc", "fino_sms", "jibit"),
        };
        var word = name switch { "critical" => IncidentEvent.Critical, "joined" => IncidentEvent.Joined, "reminder" => IncidentEvent.Reminder, "recovered" => IncidentEvent.Recovered, _ => IncidentEvent.Opened };
        if (name == "critical")
        {
            incident.Describe(incident.Cause, incident.Detail, isCritical: true, 0, Now);
        }

        if (word == IncidentEvent.Recovered)
        {
            incident.Resolve(Now);
        }

        if (word == IncidentEvent.Joined)
        {
            incident.Told(IncidentEvent.Opened, 0, wasMailed: true, Now);
            incident.Join("fino_token", Now);
        }

        // Of those it was told of, the first is well again when people are reminded.
        IReadOnlyList<string> affected = word == IncidentEvent.Reminder ? [.. incident.Subjects.Skip(1)] : incident.Subjects;
        var isOfTokens = incident.Kind is IncidentKind.Failed or IncidentKind.NeedsPerson;
        TokenView[] tokens = isOfTokens ? [.. affected.Select(token => View(name switch
        {
            "recovered" => Some.Fresh(),
            "critical" => Failing(FailureKind.CredentialRejected, 1, TimeSpan.FromHours(23)),
            "needs-person" => Some.Aged(TimeSpan.FromHours(3)),
            _ => Failing(FailureKind.ProviderDown, 4),
        }, token))] : [];
        Consumer[] consumers = name is "failed" or "critical" ? [new("client:billing", "jibit", 12_345, 5), new("client:کارت", "jibit", 2)] : [];
        return new(incident, word, Now, affected, tokens, consumers, word == IncidentEvent.Recovered ? new(13, "a refresh (due, by schedule)", TimeSpan.FromMinutes(4)) : null, Zone, Links,
            new(Now, IsRunning: true, DueCheckPausedUntil: null, NextSweepAt: Now.AddHours(5), NextBackupAt: Now.AddHours(4)));
    }

    private static Incident Opened(IncidentKind kind, string group, string cause, string detail, params string[] subjects) => Opened(kind, group, cause, detail, subjects, "jibit");

    private static Incident Opened(IncidentKind kind, string group, string cause, string detail, string[] subjects, string scope)
    {
        var began = Now.AddMinutes(-72);
        var incident = Incident.Open(new(kind, scope, group, cause, subjects[0], false, 0, detail), began);
        foreach (var subject in subjects.Skip(1))
        {
            incident.Join(subject, began);
        }

        return incident;
    }

    private static Token Failing(FailureKind kind, int failures, TimeSpan? age = null)
    {
        var token = Some.Aged(age ?? TimeSpan.FromHours(17));
        for (var failure = 0; failure < failures; failure++)
        {
            token.RecordFailure(new(kind, "HTTP 503"), kind.IsRetryable() ? Now.AddMinutes(7) : null, null);
        }

        return token;
    }

    private static TokenView View(Token token, string name)
    {
        var settings = Some.Settings();
        return new(settings with { Order = settings.Order with { Name = name } }, TokenHealth.Of(token, settings, Now), token, Now);
    }

    private static void Compare(string name, MailText mail, [CallerFilePath] string here = "")
    {
        var folder = Path.Combine(Path.GetDirectoryName(here)!, "Approved");
        var problems = new List<string>();
        foreach (var (ending, text) in new[] { ("txt", $"Subject: {mail.Subject}\n\n{mail.Text}"), ("html", mail.Html) })
        {
            var approved = Path.Combine(folder, $"{name}.{ending}");
            if (!File.Exists(approved) || File.ReadAllText(approved) != text)
            {
                File.WriteAllText($"{approved}.received", text);
                problems.Add($"{approved}.received differs from what was approved");
            }
        }

        problems.ShouldBeEmpty();
    }
}
