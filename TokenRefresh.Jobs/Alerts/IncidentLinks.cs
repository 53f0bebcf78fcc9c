using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using TokenRefresh.Jobs.Alerts.Mails;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>What a link in a mail lets its reader do to an incident without signing in.</summary>
public enum IncidentAction
{
    /// <summary>Acknowledge it: no reminders.</summary>
    Acknowledge,

    /// <summary>Hear nothing of it for a day, unless it becomes critical.</summary>
    Snooze,
}

/// <summary>Makes and checks the signed links of mails. A link is good for one action at one incident, for a week.</summary>
/// <param name="panelUrl">The panel's public address; empty if it is not set.</param>
public sealed class IncidentLinks(MasterKey masterKey, string panelUrl, PanelPages pages, TimeProvider clock)
{
    /// <summary>What to set so that messages carry links.</summary>
    public const string HowToHaveThem = "set Access__PublicUrl to the public address of the panel";

    /// <summary>The pages to link to.</summary>
    public PanelPages Pages => pages;

    private static readonly TimeSpan GoodFor = TimeSpan.FromDays(7);

    /// <summary>False without a configured public address of the panel: a guessed one would not work.</summary>
    public bool HasPanel => panelUrl.Length > 0;

    /// <summary>The address of a page of the panel; null without a configured public address.</summary>
    public string? To(string path) => HasPanel ? $"{panelUrl.TrimEnd('/')}{path}" : null;

    /// <summary>The links at the end of a mail.</summary>
    internal IEnumerable<(string Words, string? Address)> For(IncidentNews news)
    {
        // While the database is away, its incident has no number yet.
        yield return news.Incident.Id > 0 ? ("Open the incident", To($"{pages.Incidents}/{news.Incident.Id}")) : ("Open the panel", To(pages.Health));
        if (news is { IncidentEvent: not IncidentEvent.Recovered, Incident.Kind: not IncidentKind.StalledComponent })
        {
            yield return ("Acknowledge", To(Sign(news.Incident.Id, IncidentAction.Acknowledge)));
            yield return ("Snooze 24 h", To(Sign(news.Incident.Id, IncidentAction.Snooze)));
        }
    }

    /// <summary>True for a link that this program made and that is not too old. Takes the same time whatever is wrong.</summary>
    public bool IsGood(long incident, IncidentAction action, long until, string? signature) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Signature(incident, action, until)), Encoding.UTF8.GetBytes(signature ?? ""))
        && clock.GetUtcNow().ToUnixTimeSeconds() <= until;

    /// <summary>Path and query of a link for one action. The page behind it asks before it acts, because programs that scan mails follow links.</summary>
    public string Sign(long incident, IncidentAction action)
    {
        var until = (clock.GetUtcNow() + GoodFor).ToUnixTimeSeconds();
        return string.Create(CultureInfo.InvariantCulture, $"{pages.Incidents}/{incident}/{action.ToString().ToLowerInvariant()}?until={until}&signature={Signature(incident, action, until)}");
    }

    private string Signature(long incident, IncidentAction action, long until) =>
        masterKey.Digest(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"incident link|{incident}|{action}|{until}")));
}
