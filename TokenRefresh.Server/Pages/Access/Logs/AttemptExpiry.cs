using System.Text.Json;
using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>Until when the token worked before an attempt, and after it; null where the attempt does not say.</summary>
internal sealed record AttemptExpiry(DateTimeOffset? Before, DateTimeOffset? After)
{
    public static AttemptExpiry Of(RefreshAttempt row)
    {
        using var metadata = JsonDocument.Parse(row.Metadata);
        return new(Instant(metadata.RootElement, "old_expires_at"), Instant(metadata.RootElement, "new_expires_at"));
    }

    private static DateTimeOffset? Instant(JsonElement metadata, string field) =>
        metadata.ValueKind == JsonValueKind.Object && metadata.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out var at) ? at : null;
}
