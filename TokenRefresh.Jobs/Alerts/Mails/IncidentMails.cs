using System.Globalization;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>How an incident ended.</summary>
/// <param name="Attempts">Attempts at its tokens from the incident's beginning to its end.</param>
/// <param name="By">What the last success was set off by, in words; null where none was needed.</param>
/// <param name="WithoutToken">The longest time for which a program got no valid token.</param>
public sealed record Recovery(long Attempts, string? By, TimeSpan WithoutToken);

/// <summary>All that a mail about an incident tells.</summary>
/// <param name="Affected">Those of its subjects that it is still about; of one that is over, those that it was about.</param>
/// <param name="Tokens">The affected tokens as they stand now, the first to die first.</param>
/// <param name="Recovery">Only where it is over.</param>
/// <param name="Outlook">What will be tried by itself.</param>
public sealed record IncidentNews(
    Incident Incident, IncidentEvent IncidentEvent, DateTimeOffset Now, IReadOnlyList<string> Affected, IReadOnlyList<TokenView> Tokens, IReadOnlyList<Consumer> Consumers, Recovery? Recovery,
    TimeZoneInfo Zone, IncidentLinks Links, ScheduleOutlook Outlook)
{
    /// <summary>Those of the tokens that have expired, or were never obtained.</summary>
    public IReadOnlyList<string> Expired => [.. Tokens.Where(token => !(token.TimeLeft > TimeSpan.Zero)).Select(token => token.Name)];

    /// <summary>What it is about now, short enough for a subject.</summary>
    public string About => Incident.AboutOf(Affected);

    /// <summary>When the first of its tokens dies, or died; null where none is held.</summary>
    public DateTimeOffset? FirstDeath => Tokens.Min(token => token.Stored?.ExpiresAt);

    /// <summary>The life that is left to the first to die, in words for a subject; null for what is not about tokens.</summary>
    public string? Left => Tokens.Count == 0 ? null
        : Tokens.Any(token => token.Stored?.ExpiresAt is null) ? "no token"
        : FirstDeath <= Now ? "expired"
        : $"{MailTimeFormat.Span(FirstDeath!.Value - Now)} left";
}

/// <summary>Writes the mails about incidents: what, since when, how long still, who is hit, what to do.</summary>
internal static class IncidentMails
{
    private const int MostRows = 20;

    public static MailText Write(IncidentNews news)
    {
        var body = new MailBody().Say(Opening(news)).Facts(
            ("Since", MailTimeFormat.At(news.Incident.OpenedAt, news.Zone)),
            ("Cause", $"{news.Incident.Cause}: {news.Incident.Detail}"),
            ("First to die", news.FirstDeath is { } death ? $"{MailTimeFormat.At(death, news.Zone)}, {(death <= news.Now ? $"{MailTimeFormat.Span(news.Now - death)} ago" : $"in {MailTimeFormat.Span(death - news.Now)}")}" : null),
            ("Over for", news.Incident.Subjects.Except(news.Affected).ToList() is { Count: > 0 } over ? Names(over) : null),
            ("Lasted", news.Recovery is null ? null : MailTimeFormat.Span(news.Incident.ResolvedAt!.Value - news.Incident.OpenedAt)),
            ("Attempts", news.Recovery is { Attempts: > 0 } tried ? tried.Attempts.ToString(CultureInfo.InvariantCulture) : null),
            ("Mended by", news.Recovery?.By),
            ("Without a token", news.Recovery is { WithoutToken: var gap } && gap > TimeSpan.Zero ? $"{MailTimeFormat.Span(gap)}: programs got none in that time" : null));
        AddTokens(body, news);
        AddConsumers(body, news);
        if (news.IncidentEvent != IncidentEvent.Recovered)
        {
            body.Head("What to do").Steps(Advice.For(news));
            if (Advice.ByItself(news) is { } byItself)
            {
                body.Say(byItself);
            }
        }

        return body.Links(news.Links.For(news)).Write($"{State(news)}: {news.About}");
    }

    private static string State(IncidentNews news) => (news.IncidentEvent, news.Incident.Kind) switch
    {
        (IncidentEvent.Recovered, _) => $"RECOVERED after {MailTimeFormat.Span(news.Incident.ResolvedAt!.Value - news.Incident.OpenedAt)}",
        (_, IncidentKind.StalledComponent) => "SILENT",
        (_, IncidentKind.Clock) => "CLOCKS DIFFER",
        (_, IncidentKind.WentBack) => "DATABASE WENT BACK IN TIME",
        (_, IncidentKind.SuccessRate) => "LOW SUCCESS RATE",
        (_, IncidentKind.NeedsPerson) => $"NEEDS YOU, {news.Left}",
        (IncidentEvent.Critical or IncidentEvent.Expired, _) => $"CRITICAL, {news.Left}",
        (IncidentEvent.Reminder, _) => $"STILL {(news.Incident.CriticalAt is null ? "FAILING" : "CRITICAL")}, {news.Left}",
        _ => $"FAILED, {news.Left}",
    };

    private static string Opening(IncidentNews news) => (news.IncidentEvent, news.Incident.Kind) switch
    {
        (IncidentEvent.Recovered, IncidentKind.StalledComponent) => "Everything runs again.",
        (IncidentEvent.Recovered, IncidentKind.Clock) => "The clocks agree again.",
        (IncidentEvent.Recovered, IncidentKind.WentBack) => "Nothing older than what was served was found in the last hour.",
        (IncidentEvent.Recovered, IncidentKind.SuccessRate) => $"{news.Incident.Scope} succeeds often enough again.",
        (IncidentEvent.Recovered, _) => $"{Names(news.Affected)} {Are(news)} well again.",
        (_, IncidentKind.StalledComponent) => $"Tokens are not looked after: {news.Incident.Detail}. What is valid is served meanwhile.",
        (_, IncidentKind.Clock) => $"A clock is wrong: {news.Incident.Detail}. Expiries are reckoned by the provider's clock, so tokens are refreshed and served in time meanwhile.",
        (_, IncidentKind.WentBack) => $"The database went back in time, as by a failover that lost commits or by a restored backup: {news.Incident.Detail}. Newer tokens that a node still held were saved back.",
        (_, IncidentKind.SuccessRate) => $"{news.Incident.Scope} fails too often within 24 hours, though its tokens are fresh by their retries.",
        (_, IncidentKind.NeedsPerson) => $"{Names(news.Affected)} can only be started by a person.",
        (IncidentEvent.Critical or IncidentEvent.Expired, _) when news.Expired is { Count: > 0 } expired =>
            $"{Names(news.Affected)} {Are(news)} not refreshed, and programs get no valid token{(expired.Count == news.Affected.Count ? "" : $" of {Names(expired)}")}.",
        (IncidentEvent.Critical or IncidentEvent.Expired, _) => $"{Names(news.Affected)} {Are(news)} not refreshed, and little life is left.",
        (IncidentEvent.Joined, _) => $"Now also {Names([.. news.Affected.Except(news.Incident.ToldSubjects)])}.",
        (IncidentEvent.Reminder, _) => $"{Names(news.Affected)} {Are(news)} still not refreshed.",
        _ => $"{Names(news.Affected)} {Are(news)} not refreshed. Programs are served while the stored token is valid.",
    };

    private static string Are(IncidentNews news) => news.Affected.Count == 1 ? "is" : "are";

    private static string Names(IReadOnlyList<string> names) => names.Count switch
    {
        1 => names[0],
        <= 10 => $"{string.Join(", ", names.Take(names.Count - 1))} and {names[^1]}",
        _ => $"{string.Join(", ", names.Take(10))} and {names.Count - 10} more",
    };

    private static void AddTokens(MailBody body, IncidentNews news)
    {
        if (news.Tokens.Count == 0)
        {
            return;
        }

        body.Head("Tokens").Table(
            ["Token", "State", "Life left", "Next attempt"],
            news.Tokens.Take(MostRows).Select(token => (IReadOnlyList<string>)
            [
                token.Name,
                token.State.InWords(),
                token.TimeLeft is not { } left ? "none" : left <= TimeSpan.Zero ? "none" : MailTimeFormat.Span(left),
                news.Outlook.Of(token) is { } next ? $"{(next.At <= news.Now ? "now" : $"in {MailTimeFormat.Span(next.At - news.Now)}")}{(next.IsBackup ? ", by the backup job" : "")}" : token.NextRefreshAt is null ? token.NextRefreshReason : "none",
            ]));
        if (news.Tokens.Count > MostRows)
        {
            body.Say($"And {news.Tokens.Count - MostRows} more.");
        }
    }

    private static void AddConsumers(MailBody body, IncidentNews news)
    {
        if (news.Tokens.Count == 0)
        {
            return;
        }

        body.Head("Who read them in the last day");
        if (news.Consumers.Count == 0)
        {
            body.Say("No program did.");
            return;
        }

        body.Table(["Program", "Token", "Reads"], news.Consumers.Take(MostRows).Select(consumer => (IReadOnlyList<string>)
            [consumer.Actor, consumer.Token, consumer.Reads.ToString("N0", CultureInfo.InvariantCulture)]));
    }
}
