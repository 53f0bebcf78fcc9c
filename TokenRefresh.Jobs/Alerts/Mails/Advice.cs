using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>What to do, in steps that a person who was woken up can follow: by the cause, by how urgent it is, and by what will be tried by itself.</summary>
internal static class Advice
{
    public static IReadOnlyList<string> For(IncidentNews news) => news.Incident.Kind switch
    {
        IncidentKind.StalledComponent =>
        [
            "See that the server runs, and read its log.",
            "Start it again if it does not; nothing is lost, it asks at once what is due.",
        ],
        IncidentKind.Clock =>
        [
            "Compare the machine's clock with the time (timedatectl), and keep it in step with NTP.",
            "If this machine's clock is right, the provider's is wrong: nothing is to be done here.",
        ],
        IncidentKind.WentBack =>
        [
            "Find out what took the database back: a failover to a replica that was behind, or a restored backup.",
            "See in the audit which tokens it was, and test them: tokens test NAME.",
            "What people changed since then (pauses, client keys, imports) is lost: make it again.",
        ],
        IncidentKind.SuccessRate =>
        [
            "Look at the failures by error code on the panel.",
            "Tokens are refreshed all the same, by their retries; ask the provider if it goes on.",
        ],
        IncidentKind.NeedsPerson =>
        [
            "Start the grant anew at the provider, as its documentation says.",
            $"Bring the new pair in: tokens import {news.Affected[0]}, or the form on the token's page.",
        ],
        IncidentKind.Failed => Causes(news),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>What will be tried by itself, read off what is scheduled: nothing is promised that will not come, and nothing is denied that will. Null where no token fails.</summary>
    public static string? ByItself(IncidentNews news)
    {
        if (news.Incident.Kind != IncidentKind.Failed)
        {
            return null;
        }

        var attempts = news.Tokens.Select(news.Outlook.Of).OfType<NextAttempt>().OrderBy(attempt => attempt.At).ToList();
        return attempts switch
        {
            _ when !news.Outlook.IsRunning => "Nothing runs now, so nothing is tried by itself: see first that workers and schedule run.",
            [] when news.Tokens.Any(token => token.State == TokenState.Paused) => "It is paused, so nothing is tried by itself before it is resumed.",
            [] => "Nothing is tried by itself before you have done that.",
            [{ IsBackup: true } backup, ..] => $"By itself only the backup job tries it, next at {MailTimeFormat.At(backup.At, news.Zone)}.",
            [var next, ..] when news.Outlook.DueCheckPausedUntil is { } until && next.At >= until =>
                $"The due check is paused until {MailTimeFormat.At(until, news.Zone)}, so nothing is tried by itself before: resume it on the health page.",
            [var next, ..] when next.At <= news.Now => "The next attempt by itself comes within the next minute.",
            [var next, ..] => $"The next attempt by itself comes at {MailTimeFormat.At(next.At, news.Zone)}, in {MailTimeFormat.Span(next.At - news.Now)}.",
        };
    }

    private static IReadOnlyList<string> Causes(IncidentNews news) => Kind(news.Incident.Cause) switch
    {
        FailureKind.ProviderDown when IsUrgent(news) =>
        [
            $"See now whether this server reaches the provider: {Try(news)}.",
            "Ask the provider's support, with the track id that the log shows.",
        ],
        FailureKind.ProviderDown =>
        [
            "If the provider is known to be down, wait: what is stored is served meanwhile.",
            $"Else see that this server reaches the provider: {Try(news)}.",
            "Ask the provider's support, with the track id that the log shows.",
        ],
        FailureKind.RateLimited when IsUrgent(news) =>
        [
            "Ask the provider for a higher limit, or to lift this one.",
            "See whether something else calls the provider with the same credentials, and lower Providers__NAME__MaxConcurrency.",
        ],
        FailureKind.RateLimited =>
        [
            "Wait for the provider's pause to end.",
            "If it happens often, lower Providers__NAME__MaxConcurrency, or ask the provider for a higher limit.",
        ],
        FailureKind.InvalidResponse =>
        [
            "Look at the attempt in the log: it tells the shape of the answer that was seen.",
            "Ask the provider whether its API has changed.",
        ],
        FailureKind.CredentialRejected =>
        [
            "Check the provider's credentials in the settings; they may have been changed or revoked there.",
            "Set the new ones and restart, or press Force on the token's page once they work.",
        ],
        FailureKind.GrantRevoked =>
        [
            "Start the grant anew at the provider, as its documentation says.",
            $"Bring the new pair in: tokens import {news.Affected[0]}, or the form on the token's page.",
        ],
        FailureKind.Configuration =>
        [
            "Read what the provider says above: a scope, an address or a grant of the settings does not work there.",
            "Correct the setting and restart.",
        ],
        FailureKind.Internal or FailureKind.Abandoned =>
        [
            "Read the server's log around this time.",
            "If it repeats, report it with the log.",
            .. IsUrgent(news) ? [$"Try it here and now: {Now(news)}."] : Array.Empty<string>(),
        ],
        _ =>
        [
            "See on the health page whether workers are alive and the queue moves.",
            "Press Refresh on the token's page.",
        ],
    };

    private static bool IsUrgent(IncidentNews news) => news.Incident.CriticalAt is not null || news.FirstDeath is null || news.FirstDeath <= news.Now;

    // What is not stored, or has expired, is tried by obtaining it.
    private static string Try(IncidentNews news) => news.Tokens is [{ TimeLeft: { } left } first, ..] && left > TimeSpan.Zero ? $"tokens test {first.Name}" : Now(news);

    private static string Now(IncidentNews news) => $"tokens auto-refresh --token {(news.Tokens is [var first, ..] ? first.Name : news.Affected[0])} --force --sync";

    private static FailureKind? Kind(string cause) => Enum.GetValues<FailureKind>().Cast<FailureKind?>().FirstOrDefault(kind => kind!.Value.Code() == cause);
}
