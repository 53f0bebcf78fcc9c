using System.Text.RegularExpressions;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Documentation;

/// <summary>A fenced block of README or of a document.</summary>
internal sealed partial record Snippet(string File, int Line, string Language, string Text)
{
    /// <summary>Every one that there is.</summary>
    public static IReadOnlyList<Snippet> All { get; } = [.. Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Order(StringComparer.Ordinal).Prepend(Path.Combine(Root, "README.md")).SelectMany(In)];

    private static string Root => HostPaths.Current.RepositoryRoot!;

    /// <summary>Those of one language, as data of a theory.</summary>
    public static TheoryData<string> Of(string language) => new(All.Where(snippet => snippet.Language == language).Select(snippet => snippet.Name).ToArray());

    public static Snippet Find(string name) => All.Single(snippet => snippet.Name == name);

    public string Name => $"{Path.GetFileName(File)}:{Line}";

    private static IEnumerable<Snippet> In(string file)
    {
        var text = System.IO.File.ReadAllText(file);
        return Fence().Matches(text).Select(match => new Snippet(file, text.AsSpan(0, match.Index).Count('\n') + 1, match.Groups[1].Value, match.Groups[2].Value));
    }

    [GeneratedRegex("""^```(\w*)\n(.*?)^```$""", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
