using System.Globalization;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>How an incident ended.</summary>
/// <param name="Attempts">Attempts at its tokens from the first failure that led to it to its end.</param>
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
    public IReadOnlyList<string> Expired => [.. Tokens.Where(token => !token.IsValid).Select(token => token.Name)];

    /// <summary>What it is about now, short enough for a subject.</summary>
    public string About => Incident.AboutOf(Affected);

    /// <summary>The earliest expiry of its tokens; null without any.</summary>
    public DateTimeOffset? FirstDeath => Tokens.Min(token => token.Stored?.ExpiresAt);

    /// <summary>The life that is left to the first to die, in words for a subject; null for what is not about tokens.</summary>
    public string? Left => Tokens.Count == 0 ? null
        : Tokens.Any(token => token.Stored?.ExpiresAt is null) ? "no token"
        : FirstDeath <= Now ? "expired"
        : $"{DurationFormat.ToTheMinute(FirstDeath!.Value - Now)} left";
}

/// <summary>Writes the mails about incidents: what, since when, how long still, who is hit, what to do.</summary>
internal static class IncidentMails
{
    private const int MostRows = 20;

    public static MailText Write(IncidentNews news, MailLanguage language = MailLanguage.English)
    {
        var body = new MailBody().Say(Opening(news)).Facts(
            ("Since", MailTimeFormat.At(news.Incident.OpenedAt, news.Zone)),
            ("Cause", $"{news.Incident.Cause}: {news.Incident.Detail}"),
            ("Earliest expiry", news.FirstDeath is { } death ? $"{MailTimeFormat.At(death, news.Zone)}, {(death <= news.Now ? $"{DurationFormat.ToTheMinute(news.Now - death)} ago" : $"in {DurationFormat.ToTheMinute(death - news.Now)}")}" : null),
            ("Resolved for", news.Incident.Subjects.Except(news.Affected).ToList() is { Count: > 0 } over ? Names(over) : null),
            ("Lasted", news.Recovery is null ? null : DurationFormat.ToTheMinute(news.Incident.ResolvedAt!.Value - news.Incident.OpenedAt)),
            ("Attempts", news.Recovery is { Attempts: > 0 } tried ? tried.Attempts.ToString(CultureInfo.InvariantCulture) : null),
            ("Resolved by", news.Recovery?.By),
            ("Without a token", news.Recovery is { WithoutToken: var gap } && gap > TimeSpan.Zero ? $"{DurationFormat.ToTheMinute(gap)}: clients got 503" : null));
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

        return body.Links(news.Links.For(news)).Write($"{State(news)}: {news.About}", news.Zone, language);
    }

    private static string State(IncidentNews news) => (news.IncidentEvent, news.Incident.Kind) switch
    {
        (IncidentEvent.Recovered, _) => $"RECOVERED after {DurationFormat.ToTheMinute(news.Incident.ResolvedAt!.Value - news.Incident.OpenedAt)}",
        (_, IncidentKind.StalledComponent) => "STALLED",
        (_, IncidentKind.Clock) => "CLOCKS DIFFER",
        (_, IncidentKind.WentBack) => "DATABASE WENT BACK IN TIME",
        (_, IncidentKind.SuccessRate) => "LOW SUCCESS RATE",
        (_, IncidentKind.Objective) => "FRESHNESS OBJECTIVE",
        (_, IncidentKind.NeedsPerson) => $"ACTION REQUIRED, {news.Left}",
        (IncidentEvent.Critical or IncidentEvent.Expired, _) => $"CRITICAL, {news.Left}",
        (IncidentEvent.Reminder, _) => $"STILL {(news.Incident.CriticalAt is null ? "FAILING" : "CRITICAL")}, {news.Left}",
        _ => $"FAILED, {news.Left}",
    };

    private static string Opening(IncidentNews news) => (news.IncidentEvent, news.Incident.Kind) switch
    {
        (IncidentEvent.Recovered, IncidentKind.StalledComponent) => "Everything is running again.",
        (IncidentEvent.Recovered, IncidentKind.Clock) => "The clocks agree again.",
        (IncidentEvent.Recovered, IncidentKind.WentBack) => "No older tokens were found in the last hour.",
        (IncidentEvent.Recovered, IncidentKind.Objective) => $"{Names(news.Incident.Subjects)} had a valid token for most of the last hour again.",
        (IncidentEvent.Recovered, IncidentKind.SuccessRate) => $"The success rate of {news.Incident.Scope} is back to normal.",
        (IncidentEvent.Recovered, _) => $"{Names(news.Affected)} {Are(news)} healthy again.",
        (_, IncidentKind.StalledComponent) => $"Tokens are not refreshed: {news.Incident.Detail}. Valid tokens are still served.",
        (_, IncidentKind.Clock) => $"A clock is wrong: {news.Incident.Detail}. Expiries are calculated with the provider's clock, so tokens are still refreshed and served in time.",
        (_, IncidentKind.WentBack) => $"The database went back in time, for example after a failover that lost commits or a restored backup: {news.Incident.Detail}. Newer tokens that a node still held were saved again.",
        (_, IncidentKind.Objective) => $"The token is valid now, but the budget of its freshness objective is used too fast: {news.Incident.Detail}.",
        (_, IncidentKind.SuccessRate) => $"The success rate of {news.Incident.Scope} in the last 24 hours is too low; retries keep its tokens valid.",
        (_, IncidentKind.NeedsPerson) => $"{Names(news.Affected)} must be started by a person.",
        (IncidentEvent.Critical or IncidentEvent.Expired, _) when news.Expired is { Count: > 0 } expired =>
            $"{Names(news.Affected)} {Are(news)} not refreshed, and clients get no valid token{(expired.Count == news.Affected.Count ? "" : $" of {Names(expired)}")}.",
        (IncidentEvent.Critical or IncidentEvent.Expired, _) => $"{Names(news.Affected)} {Are(news)} not refreshed, and little time is left.",
        (IncidentEvent.Joined, _) => $"Also affected now: {Names([.. news.Affected.Except(news.Incident.ToldSubjects)])}.",
        (IncidentEvent.Reminder, _) => $"{Names(news.Affected)} {Are(news)} still not refreshed.",
        _ => $"{Names(news.Affected)} {Are(news)} not refreshed. Clients are served while the stored token is valid.",
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
            ["Token", "Status", "Time left", "Next attempt"],
            news.Tokens.Take(MostRows).Select(token => (IReadOnlyList<string>)
            [
                token.Name,
                token.State.InWords(),
                token.TimeLeft is not { } left ? "no token" : left <= TimeSpan.Zero ? "expired" : DurationFormat.ToTheMinute(left),
                news.Outlook.Of(token) is { } next ? $"{(next.At <= news.Now ? "now" : $"in {DurationFormat.ToTheMinute(next.At - news.Now)}")}{(next.IsBackup ? ", by the backup job" : "")}" : token.NextRefreshAt is null ? token.NextRefreshReason : "none",
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

        body.Head("Clients, last 24 hours");
        if (news.Consumers.Count == 0)
        {
            body.Say("None.");
            return;
        }

        body.Table(["Client", "Token", "Reads", "503s"], news.Consumers.Take(MostRows).Select(consumer => (IReadOnlyList<string>)
            [consumer.Name, consumer.Token, consumer.Reads.ToString("N0", CultureInfo.InvariantCulture), consumer.Refused.ToString("N0", CultureInfo.InvariantCulture)]));
    }
}
