using System.Text.Encodings.Web;
using System.Text.Json;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>The JSON of a webhook.</summary>
internal static class WebhookBody
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(IncidentNews news) => JsonSerializer.Serialize(
        new
        {
            Event = $"incident.{news.IncidentEvent.Code()}",
            At = news.Now,
            Incident = new
            {
                news.Incident.Id,
                Kind = news.Incident.Kind.Code(),
                Provider = news.Incident.Scope.Length == 0 ? null : news.Incident.Scope,
                news.Incident.Cause,
                news.Incident.Detail,
                Subjects = news.Affected,
                IsCritical = news.Incident.CriticalAt is not null,
                news.Incident.OpenedAt,
                news.Incident.ResolvedAt,
                ExpiresAt = news.FirstDeath,
            },
            Summary = news.About,
            PanelUrl = news.Links.To(news.Links.Pages.Health),
        },
        Options);
}
