using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using TokenRefresh.Jobs;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary>How verbs print: a table for people, JSON for programs, both on stdout.</summary>
internal static class Output
{
    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        WriteIndented = true,
    };

    /// <summary>Prints one JSON document; what would control a terminal or turn its direction of reading is escaped.</summary>
    public static void Json(object value) => Console.Out.WriteLine(OneLine.Escape(JsonSerializer.Serialize(value, JsonOptions)));

    /// <summary>Prints rows below their headings, as wide as the terminal; <paramref name="empty"/> where there are none.</summary>
    /// <param name="zone">The zone of the table's times, which is named once below it; null where it has none.</param>
    public static void Table(IReadOnlyList<Column> columns, IEnumerable<IReadOnlyList<string>> rows, string empty, TimeZoneInfo? zone = null)
    {
        var all = rows.ToList();
        if (all.Count == 0)
        {
            Console.Out.WriteLine(empty);
            return;
        }

        int? width = Console.IsOutputRedirected || Console.WindowWidth <= 0 ? null : Console.WindowWidth;
        var (lines, hidden) = TextTable.Render(columns, all, width);
        foreach (var line in lines)
        {
            Console.Out.WriteLine(line);
        }

        if (zone is not null)
        {
            Console.Out.WriteLine($"Times are in {zone.Id}.");
        }

        if (hidden.Count > 0)
        {
            Note($"Hidden, the terminal is too narrow: {string.Join(", ", hidden)}. Use a wider terminal, a pipe, or --json.");
        }
    }

    /// <summary>An instant in the configured zone, which the table names.</summary>
    public static string At(DateTimeOffset? instant, TimeZoneInfo zone) => instant?.InZone(zone) ?? "-";

    /// <summary>A result in one line.</summary>
    public static void Line(string text) => Console.Out.WriteLine(OneLine.Of(text));

    /// <summary>A message beside the results.</summary>
    public static void Note(string message) => Console.Error.WriteLine(OneLine.Of(message));
}
