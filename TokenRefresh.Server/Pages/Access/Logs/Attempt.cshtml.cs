using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>One call of an attempt, as its row tells it.</summary>
internal sealed record StepView(string Call, string Outcome, string Status, string Code, string TrackId, double? DurationMs);

/// <summary>One attempt in full.</summary>
internal sealed class AttemptModel(AttemptLog log) : PanelPage
{
    public RefreshAttempt Row { get; private set; } = null!;

    public IReadOnlyList<StepView> Steps { get; private set; } = [];

    /// <summary>What was odd about the provider's answer, and how it was read.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    public async Task<IActionResult> OnGetAsync(long id, CancellationToken cancellationToken)
    {
        if (await log.FindAsync(id, cancellationToken) is not { } row)
        {
            return NotFound();
        }

        Row = row;
        using var metadata = JsonDocument.Parse(row.Metadata);
        Steps = metadata.RootElement.TryGetProperty("steps", out var steps)
            ? [.. steps.EnumerateArray().Select(step => new StepView(Text(step, "call"), Text(step, "outcome"), Text(step, "http_status"), Text(step, "provider_code"), Text(step, "track_id"), step.TryGetProperty("duration_ms", out var took) && took.ValueKind == JsonValueKind.Number ? took.GetDouble() : null))]
            : [];
        Notes = metadata.RootElement.TryGetProperty("notes", out var notes) && notes.ValueKind == JsonValueKind.Array ? [.. notes.EnumerateArray().Select(note => $"{note}")] : [];
        return Page();
    }

    private static string Text(JsonElement step, string field) => step.TryGetProperty(field, out var value) ? $"{value}" : "";
}
