using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>What to do, for each cause, in steps that a person who was woken up can follow.</summary>
internal static class Advice
{
    public static IReadOnlyList<string> For(IncidentNews news) => (news.Incident.Kind, news.Incident.Cause) switch
    {
        (IncidentKind.Silence, _) =>
        [
            "See that the server runs, and read its log.",
            "Start it again if it does not; nothing is lost, it asks at once what is due.",
        ],
        (IncidentKind.SuccessRate, _) =>
        [
            "Look at the failures by error code on the panel.",
            "Tokens are refreshed all the same, by their retries; ask the provider if it goes on.",
        ],
        (IncidentKind.NeedsPerson, "not_imported" or "expires_soon" or "grant_revoked") =>
        [
            "Start the grant anew at the provider, as its documentation says.",
            $"Bring the new pair in: tokens import {news.Affected[0]}, or the form on the token's page.",
        ],
        (_, var cause) => Causes(cause),
    };

    private static IReadOnlyList<string> Causes(string cause) => Kind(cause) switch
    {
        FailureKind.ProviderDown =>
        [
            "Nothing, if the provider is known to be down: every token is tried again by itself, more often the less life is left.",
            "Else see that this server reaches the provider: tokens test NAME.",
            "Ask the provider's support, with the track id that the log shows.",
        ],
        FailureKind.RateLimited =>
        [
            "Nothing for now: it is tried again when the provider allows it.",
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
            "Set the new ones and restart, or press Force on the token's page once they work. Nothing is tried before.",
        ],
        FailureKind.Configuration =>
        [
            "Read what the provider says above: a scope, an address or a grant of the settings does not work there.",
            "Correct the setting and restart. Nothing is tried before.",
        ],
        FailureKind.Internal or FailureKind.Abandoned =>
        [
            "Read the server's log around this time.",
            "It is tried again by itself; if it repeats, report it with the log.",
        ],
        _ =>
        [
            "See on the health page whether workers are alive and the queue moves.",
            "Press Refresh on the token's page.",
        ],
    };

    private static FailureKind? Kind(string cause) => Enum.GetValues<FailureKind>().Cast<FailureKind?>().FirstOrDefault(kind => kind!.Value.Code() == cause);
}
