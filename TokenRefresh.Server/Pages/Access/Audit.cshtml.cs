using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>Who did what, for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class AuditModel(AuditTrail audit) : PanelPage
{
    private const int PageSize = 100, ExportChunk = 1000;

    [BindProperty(SupportsGet = true)]
    public long? Before { get; set; }

    public IReadOnlyList<AuditEntry> Entries { get; private set; } = [];

    public long? Next { get; private set; }

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        var entries = await audit.RecentAsync(PageSize + 1, Before, cancellationToken);
        Entries = [.. entries.Take(PageSize)];
        Next = entries.Count > PageSize ? Entries[^1].Id : null;
    }

    /// <summary>Everything, as a stream.</summary>
    public async Task OnGetExportAsync(CancellationToken cancellationToken)
    {
        Response.ContentType = "text/csv; charset=utf-8";
        Response.Headers.ContentDisposition = "attachment; filename=audit.csv";
        Response.Headers.CacheControl = "no-store";
        await using var writer = new StreamWriter(Response.Body, new UTF8Encoding(false));
        await writer.WriteAsync(Csv.Row("id", "at", "actor", "action", "subject", "details"));
        long? before = null;
        while (await audit.RecentAsync(ExportChunk, before, cancellationToken) is { Count: > 0 } chunk)
        {
            foreach (var entry in chunk)
            {
                await writer.WriteAsync(Csv.Row(
                    entry.Id.ToString(CultureInfo.InvariantCulture), entry.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture), entry.Actor, entry.Action, entry.Subject, entry.Details));
            }

            before = chunk[^1].Id;
        }
    }
}
