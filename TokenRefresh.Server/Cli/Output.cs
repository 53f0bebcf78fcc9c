using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
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

    /// <summary>Prints one JSON document.</summary>
    public static void Json(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, JsonOptions));

    /// <summary>Prints rows below their headings; <paramref name="empty"/> where there are none.</summary>
    public static void Table(IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows, string empty)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns([.. headings.Select(heading => new TableColumn(heading.EscapeMarkup()))]);
        var count = 0;
        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(cell => OneLine.Of(cell).EscapeMarkup())]);
            count++;
        }

        if (count == 0)
        {
            Console.Out.WriteLine(empty);
            return;
        }

        // In a pipe there is no window to fit: whole rows, so that grep and awk find them.
        var console = AnsiConsole.Console;
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = 400;
        }

        console.Write(table);
    }

    /// <summary>An instant in the configured zone, with its offset.</summary>
    public static string At(DateTimeOffset? instant, TimeZoneInfo zone) =>
        instant is { } at ? TimeZoneInfo.ConvertTime(at, zone).ToString("yyyy-MM-dd HH:mm:ss zzz", System.Globalization.CultureInfo.InvariantCulture) : "-";

    /// <summary>A message beside the results.</summary>
    public static void Note(string message) => Console.Error.WriteLine(message);
}
