using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;

namespace TokenRefresh.Server.Pages;

/// <summary>A page of the navigation.</summary>
/// <param name="Icon">A path in a square of sixteen.</param>
/// <param name="IsOnPhones">True where it stands in the bar of a phone; the others are reached by Settings there.</param>
internal sealed record PanelLink(string Path, Phrase Words, string Icon, bool IsOnPhones = false);

/// <summary>What surrounds every page.</summary>
internal static class PanelFrame
{
    /// <summary>The pages, in their order.</summary>
    public static readonly IReadOnlyList<PanelLink> Links =
    [
        new(PanelPaths.Overview, "Overview", "M3 8l5-5 5 5v6H3z", true),
        new(PanelPaths.Tokens, "Tokens", "M5.5 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8.5 8H15M12.5 8v3", true),
        new(PanelPaths.Incidents, "Incidents", "M8 2l6.5 12h-13zM8 6.5v3.5M8 12v.2", true),
        new(PanelPaths.Log, "Activity", "M1 8h3l2-5 3 10 2-5h4", true),
        new(PanelPaths.Providers, "Providers", "M2 13V6l6-3 6 3v7M5 13V8h6v5"),
        new(PanelPaths.Clients, "Clients", "M2 4h12v8H2zM5 14h6"),
        new(PanelPaths.Health, "System", "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M8 1v3M8 12v3M1 8h3M12 8h3"),
        new(PanelPaths.Settings, "Settings", "M2 5h12M2 11h12M5 3v4M11 9v4", true),
    ];

    /// <summary>Pages that are reached by Settings, for administrators.</summary>
    public static readonly IReadOnlyList<(string Path, Phrase Words)> ForAdmins = [(PanelPaths.Users, "Users"), (PanelPaths.Audit, "Audit")];

    /// <summary>An icon of the navigation.</summary>
    public static IHtmlContent Icon(string path) => new HtmlString($"<svg aria-hidden=\"true\" viewBox=\"0 0 16 16\"><path d=\"{path}\"/></svg>");

    /// <summary>The words that the script writes by itself, as JSON.</summary>
    public static string ScriptWords(PanelText text) => JsonSerializer.Serialize(
        new Dictionary<string, string>
        {
            ["d"] = text.Language.Find("{0} d"), ["h"] = text.Language.Find("{0} h"), ["min"] = text.Language.Find("{0} min"), ["s"] = text.Language.Find("{0} s"), ["two"] = text.Language.Find("{0} {1}"),
            ["ago"] = text.Language.Find("{0} ago"), ["in"] = text.Language.Find("in {0}"), ["soon"] = text.Language.Find("any moment"),
            ["selected"] = text.Language.Find("{0} selected"), ["none"] = text.Language.Find("Selected tokens"), ["copied"] = text.Language.Find("Copied"), ["uncopied"] = text.Language.Find("Not copied"),
            ["expires"] = text.Language.Find("This token expires in {0}: {1} UTC."), ["expired"] = text.Language.Find("This token expired {0} ago: {1} UTC."),
            ["opaque"] = text.Language.Find("Not a JWT with an expiry: enter the expiry below."),
            ["digits"] = text.Language.Digits("0123456789"),
        },
        Readable);

    // It stands in an attribute, which is encoded again.
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
