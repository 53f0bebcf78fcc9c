using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>Writes the mail about successful refreshes.</summary>
internal static class SuccessMail
{
    private const int MostRows = 100;

    public static MailText Write(IReadOnlyList<RefreshAttempt> done, TimeZoneInfo zone, IncidentLinks links, MailLanguage language = MailLanguage.English)
    {
        var body = new MailBody().Say(done.Count == 1 ? "A token was refreshed." : $"{done.Count} tokens were refreshed.").Table(
            ["Token", "When", "Trigger", "Result"],
            done.Take(MostRows).Select(row => (IReadOnlyList<string>)
                [row.TokenName, MailTimeFormat.At(row.CompletedAt!.Value, zone), $"{row.TriggerType.Code().Replace('_', ' ')}, by {row.TriggeredBy}", row.Message]));
        if (done.Count > MostRows)
        {
            body.Say($"And {done.Count - MostRows} more.");
        }

        return body.Links(("Open the log", links.To(links.Pages.Log))).Write(done.Count == 1 ? $"REFRESHED: {done[0].TokenName}" : $"REFRESHED: {done.Count} tokens", zone, language);
    }
}
