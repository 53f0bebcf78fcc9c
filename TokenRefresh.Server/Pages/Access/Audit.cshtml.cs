using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>Who did what, for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class AuditModel(AuditTrail audit, TimeProvider clock) : PanelPage
{
    private const int PageSize = 100, ExportChunk = 1000, LongestText = 200;

    /// <summary>Only where who, what or to what holds this.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Text { get; set; }

    /// <summary>Only so many days back; null for all.</summary>
    [BindProperty(SupportsGet = true)]
    public int? Days { get; set; }

    [BindProperty(SupportsGet = true)]
    public long? Before { get; set; }

    public IReadOnlyList<AuditEntry> Entries { get; private set; } = [];

    public long? Next { get; private set; }

    public bool IsFiltered => Filter.Text is not null || Days is not null;

    // Postgres knows no NUL in a text.
    private AuditFilter Filter => new()
    {
        Text = Text?.Replace("\0", "", StringComparison.Ordinal).Trim() is { Length: > 0 } text ? Texts.Start(text, LongestText) : null,
        Since = Days is { } days ? clock.GetUtcNow().AddDays(-Math.Clamp(days, 1, 3660)) : null,
    };

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        var entries = await audit.RecentAsync(Filter, PageSize + 1, Before, cancellationToken);
        Entries = [.. entries.Take(PageSize)];
        Next = entries.Count > PageSize ? Entries[^1].Id : null;
    }

    /// <summary>Everything that fits, as a stream.</summary>
    public async Task<IActionResult> OnGetExportAsync(CancellationToken cancellationToken)
    {
        Response.ContentType = "text/csv; charset=utf-8";
        Response.Headers.ContentDisposition = "attachment; filename=audit.csv";
        Response.Headers.CacheControl = "no-store";
        await using var writer = new StreamWriter(Response.Body, new UTF8Encoding(false));
        await writer.WriteAsync(Csv.Row("id", "at", "actor", "action", "subject", "details"));
        long? before = null;
        while (await audit.RecentAsync(Filter, ExportChunk, before, cancellationToken) is { Count: > 0 } chunk)
        {
            foreach (var entry in chunk)
            {
                await writer.WriteAsync(Csv.Row(
                    entry.Id.ToString(CultureInfo.InvariantCulture), Csv.At(entry.At), entry.Actor, entry.Action, entry.Subject, entry.Details));
            }

            before = chunk[^1].Id;
        }

        return new EmptyResult();
    }

    /// <summary>The details as words: names and values.</summary>
    public static IEnumerable<(string Name, string Value)> Details(AuditEntry entry)
    {
        using var details = JsonDocument.Parse(entry.Details);
        return details.RootElement.ValueKind != JsonValueKind.Object ? [("", entry.Details)]
            : [.. details.RootElement.EnumerateObject().Where(detail => detail.Value.ValueKind != JsonValueKind.Null).Select(detail => (detail.Name.Replace('_', ' '), Words(detail.Value)))];
    }

    /// <summary>This page with older entries, or another of its answers.</summary>
    public string Address(string? name, string? value)
    {
        var query = new QueryBuilder(Request.Query.Where(pair => pair.Key is not ("before" or "handler")).SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? "")));
        if (name is not null && value is not null)
        {
            query.Add(name, value);
        }

        return $"{Request.Path}{query}";
    }

    private static string Words(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => string.Join(", ", value.EnumerateArray().Select(Words)),
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        _ => value.ToString(),
    };
}
