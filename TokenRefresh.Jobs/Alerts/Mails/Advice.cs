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
            "Check that the server runs, and read its log.",
            "If it does not run, start it; nothing is lost, the due check runs at once.",
        ],
        IncidentKind.Clock =>
        [
            "Check the machine's clock (timedatectl), and keep it in sync with NTP.",
            "If this machine's clock is right, the provider's clock is wrong: nothing to do here.",
        ],
        IncidentKind.WentBack =>
        [
            "Find out why the database went back: a failover to a replica that was behind, or a restored backup.",
            "Look up the affected tokens in the audit, and test them: tokens test NAME.",
            "Changes that users made since then (pauses, client keys, imports) are lost: repeat them.",
        ],
        IncidentKind.SuccessRate =>
        [
            "Check the failures by error code in the panel.",
            "Retries still refresh the tokens; if this continues, contact the provider.",
        ],
        IncidentKind.Objective =>
        [
            "Check in the panel's log what the token's last attempts failed with.",
            "If this repeats, refresh it earlier: TokenRefresh__Renewal__LifetimeFraction, or Providers__NAME__LifetimeFraction for its provider alone.",
        ],
        IncidentKind.NeedsPerson =>
        [
            "Start the grant again at the provider, as its documentation describes.",
            $"Import the new pair: tokens import {news.Affected[0]}, or the form on the token's page.",
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
            _ when !news.Outlook.IsRunning => "Nothing runs now, so there is no automatic retry: check the workers and the schedule first.",
            [] when news.Tokens.Any(token => token.State == TokenState.Paused) => "It is paused, so there is no automatic retry until it is resumed.",
            [] => "There is no automatic retry until then.",
            [{ IsBackup: true } backup, ..] => $"Only the backup job retries automatically, next at {MailTimeFormat.At(backup.At, news.Zone)}.",
            [var next, ..] when news.Outlook.DueCheckPausedUntil is { } until && next.At >= until =>
                $"The due check is paused until {MailTimeFormat.At(until, news.Zone)}, so there is no automatic retry before: resume it on the System page.",
            [var next, ..] when next.At <= news.Now => "The next automatic attempt is within a minute.",
            [var next, ..] => $"The next automatic attempt is at {MailTimeFormat.At(next.At, news.Zone)}, in {DurationFormat.ToTheMinute(next.At - news.Now)}.",
        };
    }

    private static bool IsManaged(IncidentNews news) => news.Tokens.Any(token => token.Settings.Provider.IsManaged);

    private static IReadOnlyList<string> Causes(IncidentNews news) => Kind(news.Incident.Cause) switch
    {
        FailureKind.ProviderDown when IsUrgent(news) =>
        [
            $"Check now that this server reaches the provider: {Try(news)}.",
            "Contact the provider's support with the track id from the log.",
        ],
        FailureKind.ProviderDown =>
        [
            "If the provider is known to be down, wait: stored tokens are served meanwhile.",
            $"Otherwise check that this server reaches the provider: {Try(news)}.",
            "Contact the provider's support with the track id from the log.",
        ],
        FailureKind.RateLimited when IsUrgent(news) =>
        [
            "Ask the provider for a higher limit.",
            "Check whether another program uses the same credentials, and lower Providers__NAME__MaxConcurrency.",
        ],
        FailureKind.RateLimited =>
        [
            "Wait until the provider's Retry-After has passed.",
            "If this happens often, lower Providers__NAME__MaxConcurrency, or ask the provider for a higher limit.",
        ],
        FailureKind.InvalidResponse =>
        [
            "Open the attempt in the log: it describes the answer that was received.",
            "Ask the provider whether its API has changed.",
        ],
        FailureKind.CredentialRejected when IsManaged(news) =>
        [
            "Check the provider's credentials; the provider may have changed or revoked them.",
            $"Set the new ones: providers set {news.Tokens[0].Settings.Provider.Name} --set KEY=-, or the API. Every token of the provider is then tried again at once.",
        ],
        FailureKind.CredentialRejected =>
        [
            "Check the provider's credentials in the settings; the provider may have changed or revoked them.",
            "Set the new ones and restart, or press Force on the token's page when they work again.",
        ],
        FailureKind.GrantRevoked =>
        [
            "Start the grant again at the provider, as its documentation describes.",
            $"Import the new pair: tokens import {news.Affected[0]}, or the form on the token's page.",
        ],
        FailureKind.Configuration when IsManaged(news) =>
        [
            "Read the provider's message above: a scope, an address or a grant does not work there.",
            "Correct it: 'providers set' or 'tokens set', or the API.",
        ],
        FailureKind.Configuration =>
        [
            "Read the provider's message above: a scope, an address or a grant in the settings does not work there.",
            "Correct the setting and restart.",
        ],
        FailureKind.Internal or FailureKind.Abandoned =>
        [
            "Read the server's log around this time.",
            "If it repeats, report it with the log.",
            .. IsUrgent(news) ? [$"Try it now: {Now(news)}."] : Array.Empty<string>(),
        ],
        _ =>
        [
            "Check on the System page that workers are alive and the queue is processed.",
            "Press Refresh on the token's page.",
        ],
    };

    private static bool IsUrgent(IncidentNews news) => news.Incident.CriticalAt is not null || news.FirstDeath is null || news.FirstDeath <= news.Now;

    // What is not stored, or has expired, is tried by obtaining it.
    private static string Try(IncidentNews news) => news.Tokens is [{ TimeLeft: { } left } first, ..] && left > TimeSpan.Zero ? $"tokens test {first.Name}" : Now(news);

    private static string Now(IncidentNews news) => $"tokens auto-refresh --token {(news.Tokens is [var first, ..] ? first.Name : news.Affected[0])} --force --sync";

    private static FailureKind? Kind(string cause) => Enum.GetValues<FailureKind>().Cast<FailureKind?>().FirstOrDefault(kind => kind!.Value.Code() == cause);
}
