using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts.Mails;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>One provider's last day.</summary>
public sealed record ProviderDay(string Provider, AttemptStatistics Figures);

/// <summary>The last day in figures.</summary>
/// <param name="Diagnosis">How the tokens, worst first, and the whole stand.</param>
/// <param name="All">Every provider's attempts together.</param>
/// <param name="WithoutToken">Time in which programs could get no valid token, added up over all tokens.</param>
/// <param name="Open">Incidents that are open.</param>
/// <param name="Ended">Incidents that ended within the day.</param>
public sealed record DayReport(
    SystemDiagnosis Diagnosis, AttemptStatistics All, IReadOnlyList<ProviderDay> Providers, TimeSpan WithoutToken, IReadOnlyList<Incident> Open, int Ended)
{
    /// <summary>When it was written.</summary>
    public DateTimeOffset Now => Diagnosis.AsOf;

    /// <summary>The tokens, worst first; of very many the most urgent ones.</summary>
    public IReadOnlyList<TokenView> Tokens => Diagnosis.Tokens;
}

/// <summary>Writes the daily summary into the outbox.</summary>
public sealed class DailySummary(
    IDbContextFactory<TokenRefreshDbContext> contexts,
    DiagnosisBuilder diagnosis,
    FreshnessReader freshness,
    AttemptLog log,
    IncidentLinks links,
    IOptions<NotificationOptions> options,
    IOptions<ScheduleOptions> schedule,
    TimeProvider clock)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>The figures of the last day.</summary>
    public async Task<DayReport> ReportAsync(SystemStatus status, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var seen = await diagnosis.BuildAsync(status, cancellationToken);
        var providers = new List<ProviderDay>();
        foreach (var provider in seen.Counts.Alike.Select(alike => alike.Provider).Distinct().Order(StringComparer.Ordinal))
        {
            providers.Add(new(provider, await log.StatisticsAsync(provider, now - Day, cancellationToken)));
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return new(
            seen, await log.StatisticsAsync(null, now - Day, cancellationToken), providers,
            await freshness.TotalAsync(now - Day, cancellationToken),
            await db.Incidents.AsNoTracking().Where(incident => incident.ResolvedAt == null).OrderBy(incident => incident.Id).ToListAsync(cancellationToken),
            await db.Incidents.CountAsync(incident => incident.ResolvedAt >= now - Day, cancellationToken));
    }

    /// <summary>Writes a mail to every recipient; returns how many. None where the summary is switched off.</summary>
    public async Task<int> WriteAsync(SystemStatus status, CancellationToken cancellationToken)
    {
        if (!options.Value.Enabled || !options.Value.DailySummary || options.Value.Recipients.Count == 0)
        {
            return 0;
        }

        var report = await ReportAsync(status, cancellationToken);
        var mail = SummaryMail.Write(report, schedule.Value.Zone, links, options.Value.Language);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        db.Notifications.AddRange(options.Value.Recipients.Select(recipient => Notification.Mail("summary", recipient, mail, report.Now)));
        return await db.SaveChangesAsync(cancellationToken);
    }
}

/// <summary>Writes the mail of the daily summary: most urgent tokens first, next expiries, success rates.</summary>
internal static class SummaryMail
{
    private const int MostRows = 30;

    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    public static MailText Write(DayReport report, TimeZoneInfo zone, IncidentLinks links, MailLanguage language = MailLanguage.English)
    {
        var slowest = report.Providers.Where(provider => provider.Figures.P95DurationMs is not null).OrderByDescending(provider => provider.Figures.P95DurationMs).FirstOrDefault();
        var heading = Heading(report);
        var body = new MailBody()
            .Say($"{char.ToUpperInvariant(heading[0])}{heading[1..]}.")
            .Facts(
                ("Refreshes", string.Create(CultureInfo.InvariantCulture, $"{report.All.SuccessfulAttempts} succeeded, {report.All.FailedAttempts} failed, {report.All.SkippedAttempts} skipped")),
                ("Success rate", Percent(report.All.SuccessRate)),
                ("Without a token", report.WithoutToken > TimeSpan.Zero ? $"{DurationFormat.ToTheMinute(report.WithoutToken)}, all tokens together" : "0 s"),
                ("Freshness objective", Objective(report.Diagnosis.Freshness)),
                ("Slowest provider", slowest is null ? "no provider calls" : $"{slowest.Provider}, p95 {DurationFormat.Measured(slowest.Figures.P95DurationMs)}"),
                ("Incidents", $"{report.Open.Count} open, {report.Ended} resolved"));
        foreach (var incident in report.Open)
        {
            body.Say($"Open since {MailTimeFormat.At(incident.OpenedAt, zone)}: {incident.About}");
        }

        body.Head("Most urgent first").Table(
            ["Token", "Status", "Time left", "Next refresh", "Last result"],
            report.Tokens.Take(MostRows).Select(token => (IReadOnlyList<string>)
            [
                token.Name, token.State.InWords(), Left(token), token.NextRefreshAt is { } next ? next <= report.Now ? "now" : $"in {DurationFormat.ToTheMinute(next - report.Now)}" : token.NextRefreshReason, token.LastOutcome,
            ]));
        AddDeaths(body, report, zone);
        body.Head("Providers").Table(
            ["Provider", "Succeeded", "Failed", "Success rate", "Avg", "p95"],
            report.Providers.Select(provider => (IReadOnlyList<string>)
            [
                provider.Provider, $"{provider.Figures.SuccessfulAttempts}", $"{provider.Figures.FailedAttempts}", Percent(provider.Figures.SuccessRate),
                DurationFormat.Measured(provider.Figures.AvgDurationMs), DurationFormat.Measured(provider.Figures.P95DurationMs),
            ]));
        return body.Links(("Open the panel", links.To(links.Pages.Tokens)))
            .Write($"SUMMARY: {heading}", zone, language);
    }

    // Open incidents are in the heading, too: it must not say that all is valid above an incident.
    private static string Heading(DayReport report)
    {
        var counts = report.Diagnosis.Counts;
        var (configured, ill) = (counts.Sum(alike => alike.State != TokenState.NotConfigured), counts.Unwell);
        var tokens = ill == 0 ? $"{counts.Sum(alike => alike.State != TokenState.NotConfigured && alike.IsValid)} / {configured} valid" : $"{ill} of {configured} tokens {(ill == 1 ? "needs" : "need")} attention";
        var others = report.Diagnosis.Wrong.Where(reason => reason.Part != DiagnosedPart.Token).Select(reason => $"{reason}");
        string[] open = report.Open.Count == 0 ? [] : [$"{report.Open.Count} open {(report.Open.Count == 1 ? "incident" : "incidents")}"];
        return string.Join("; ", [$"{report.Diagnosis.Overall.InWords().ToLowerInvariant()}, {tokens}", .. others, .. open]);
    }

    private static void AddDeaths(MailBody body, DayReport report, TimeZoneInfo zone)
    {
        var soon = report.Tokens.Where(token => token.Stored?.ExpiresAt is { } death && death > report.Now && death - report.Now < Week).OrderBy(token => token.Stored!.ExpiresAt).ToList();
        body.Head("Expiring within 7 days, unless refreshed");
        if (soon.Count == 0)
        {
            body.Say("None.");
            return;
        }

        body.Table(["Token", "Expiry", "Next refresh"], soon.Take(MostRows).Select(token => (IReadOnlyList<string>)
            [token.Name, MailTimeFormat.At(token.Stored!.ExpiresAt!.Value, zone), token.NextRefreshAt is { } next ? MailTimeFormat.At(next, zone) : token.NextRefreshReason]));
    }

    private static string Left(TokenView token) => token.TimeLeft switch
    {
        null => "no token",
        { } left when left > TimeSpan.Zero => DurationFormat.ToTheMinute(left),
        _ => "expired",
    };

    private static string Objective(FreshnessReport freshness) => freshness.Worst is { } worst
        ? string.Create(CultureInfo.InvariantCulture, $"{worst.Token}: {freshness.Availability(worst):0.####} % of {freshness.Target:0.####} % in {DurationFormat.ToTheMinute(freshness.Window)}, {Left(freshness.Left(worst))}, burn rate {freshness.BurnRate(worst):0.#}")
        : string.Create(CultureInfo.InvariantCulture, $"100 % of {freshness.Target:0.####} % in {DurationFormat.ToTheMinute(freshness.Window)}");

    private static string Left(TimeSpan budget) => budget > TimeSpan.Zero ? $"{DurationFormat.ToTheMinute(budget)} left" : "missed";

    private static string Percent(double? share) => share is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0.#} %") : "no attempts";
}
