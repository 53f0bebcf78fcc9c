using System.Runtime.CompilerServices;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Mails;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
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
        Consumer[] consumers = name is "failed" or "critical" ? [new("client:billing", "jibit", 12_345), new("client:کارت", "jibit", 2)] : [];
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
