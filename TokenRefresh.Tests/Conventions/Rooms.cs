using System.Text.RegularExpressions;

namespace TokenRefresh.Tests.Conventions;

/// <summary>Which rooms each room of the product may use, and which a source file does use.</summary>
internal static partial class Rooms
{
    /// <summary>The rooms of TokenRefresh.Jobs: each may use those before it. The context and the sealing know no room, so they are the ground of all.</summary>
    public static readonly string[] Jobs = ["Telemetry", "Persistence", "Tokens", "Attempts", "Catalog", "Refreshing", "TokenCache", "Health", "Alerts", "Administration", "Scheduling"];

    /// <summary>The rooms of TokenRefresh.Server that show the product: none knows another.</summary>
    public static readonly string[] Surfaces = ["Api", "Cli", "Pages"];

    /// <summary>The namespaces of this product that a file may not use, and does.</summary>
    /// <param name="file">The path from the root of the checkout, with slashes.</param>
    public static IReadOnlyList<string> Forbidden(string file, string text)
    {
        var (project, room) = Place(file);
        return [.. Used(project, text).Where(used => used != (project, room) && !May(project, room, used.Project, used.Room)).Select(used => $"{used.Project}.{used.Room}".TrimEnd('.')).Distinct().Order()];
    }

    private static bool May(string project, string room, string otherProject, string otherRoom) => (project, otherProject) switch
    {
        ("TokenRefresh.Providers", "TokenRefresh.Providers") => true,
        ("TokenRefresh.Providers", _) => false,
        ("TokenRefresh.Jobs", "TokenRefresh.Providers") => room != "Telemetry",
        ("TokenRefresh.Jobs", "TokenRefresh.Jobs") => room.Length == 0 || otherRoom.Length == 0
            || (Array.IndexOf(Jobs, otherRoom) is >= 0 and var other && other < Array.IndexOf(Jobs, room)),
        ("TokenRefresh.Jobs", _) => false,
        ("TokenRefresh.Server", "TokenRefresh.Server") => !(Surfaces.Contains(room) && Surfaces.Contains(otherRoom)),
        ("TokenRefresh.Server", _) => true,
        _ => throw new ArgumentException($"{project} is no project of the product.", nameof(project)),
    };

    private static (string Project, string Room) Place(string file) => file.Split('/') is [var project, var room, _, ..] ? (project, room) : (file.Split('/')[0], "");

    // A namespace is named by a using, in full, or from a room beside it by its last part alone.
    private static IEnumerable<(string Project, string Room)> Used(string project, string text)
    {
        var code = Literals().Replace(text, "");
        var full = FullName().Matches(code).Select(match => (match.Groups[1].Value, match.Groups[2].Value));
        var partial = project == "TokenRefresh.Jobs"
            ? PartialName().Matches(NamespaceOrUsing().Replace(code, "")).Select(match => match.Groups[1].Value).Where(Jobs.Contains).Select(room => (project, room))
            : [];
        return full.Concat(partial);
    }

    [GeneratedRegex("""//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.)'""")]
    private static partial Regex Literals();

    [GeneratedRegex(@"^(?:using|namespace) [^\n]*\n", RegexOptions.Multiline)]
    private static partial Regex NamespaceOrUsing();

    [GeneratedRegex(@"(?<!namespace )\b(TokenRefresh\.(?:Providers|Jobs|Server))(?:\.([A-Z]\w*))?(?=[.;,)>\s])")]
    private static partial Regex FullName();

    [GeneratedRegex(@"(?<![\w.])([A-Z]\w*)\.[A-Z]\w*[ (<>?;,)]")]
    private static partial Regex PartialName();
}
