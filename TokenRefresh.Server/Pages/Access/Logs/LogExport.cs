using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>Rows of the log as a stream, however many there are.</summary>
internal sealed class LogExport(AttemptLog log, AttemptFilter filter, bool asCsv) : IActionResult
{
    private static readonly string[] Columns =
        ["id", "started_at", "completed_at", "duration_ms", "provider", "token_name", "status", "trigger_type", "triggered_by", "attempt", "error_code", "message", "old_expires_at", "new_expires_at", "job_id", "node"];

    public async Task ExecuteResultAsync(ActionContext context)
    {
        var response = context.HttpContext.Response;
        response.ContentType = asCsv ? "text/csv; charset=utf-8" : "application/json; charset=utf-8";
        response.Headers.ContentDisposition = $"attachment; filename=token-refresh-logs.{(asCsv ? "csv" : "json")}";
        response.Headers.CacheControl = "no-store";
        await using var writer = new StreamWriter(response.Body, new UTF8Encoding(false), 16 * 1024);
        await writer.WriteAsync(asCsv ? Csv.Row(Columns) : "[");
        var isFirst = true;
        await foreach (var row in log.StreamAsync(filter, context.HttpContext.RequestAborted))
        {
            await writer.WriteAsync(asCsv ? Line(row) : (isFirst ? "" : ",\n") + Json(row));
            isFirst = false;
        }

        if (!asCsv)
        {
            await writer.WriteAsync("]");
        }
    }

    private static string Line(RefreshAttempt row) => Csv.Row(
        Text(row.Id), Csv.At(row.StartedAt), Csv.At(row.CompletedAt), Text(row.DurationMs), row.Provider, row.TokenName, row.Status.ToString().ToLowerInvariant(), row.TriggerType.Code(),
        row.TriggeredBy, Text(row.Attempt), row.ErrorCode ?? "", row.Message, Csv.At(row.OldExpiresAt), Csv.At(row.NewExpiresAt), row.JobId ?? "", row.Node);

    private static string Json(RefreshAttempt row) => JsonSerializer.Serialize(new
    {
        id = row.Id, started_at = row.StartedAt, completed_at = row.CompletedAt, duration_ms = row.DurationMs, provider = row.Provider, token_name = row.TokenName,
        status = row.Status.ToString().ToLowerInvariant(), trigger_type = row.TriggerType.Code(), triggered_by = row.TriggeredBy, attempt = row.Attempt,
        error_code = row.ErrorCode, message = row.Message, old_expires_at = row.OldExpiresAt, new_expires_at = row.NewExpiresAt, job_id = row.JobId, node = row.Node,
    });

    private static string Text(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "";
}
