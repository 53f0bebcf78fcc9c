using System.CommandLine;
using System.Text.RegularExpressions;
using Shouldly;
using TokenRefresh.Server.Cli;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Documentation;

/// <summary>README and the documents point to what exists, and say what the program has.</summary>
public sealed partial class DocumentTests
{
    private static string Root => HostPaths.Current.RepositoryRoot!;

    [Fact]
    public void Every_link_of_a_document_leads_to_a_file_and_a_heading_that_exist()
    {
        var links = Documents().SelectMany(file => Link().Matches(Prose(file)).Select(match => (File: file, Target: match.Groups[1].Value)))
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal)).ToList();
        links.Count.ShouldBeGreaterThan(40);

        links.Where(link => !Exists(link.File, link.Target)).Select(link => $"{Path.GetFileName(link.File)}: {link.Target}").ShouldBeEmpty();
    }

    [Fact]
    public void Every_document_and_every_picture_is_linked_from_another_document()
    {
        var targets = Documents().SelectMany(file => Link().Matches(File.ReadAllText(file))
            .Select(match => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, match.Groups[1].Value.Split('#')[0])))
            .Where(target => target != file)).ToHashSet();

        Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Concat(Directory.GetFiles(Path.Combine(Root, "docs", "images"))).Where(file => !targets.Contains(file)).ShouldBeEmpty();
    }

    [Fact]
    public void README_is_read_in_a_few_minutes() =>
        File.ReadAllText(Path.Combine(Root, "README.md")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length.ShouldBeLessThanOrEqualTo(900);

    [Fact]
    public void Every_verb_stands_in_the_table_of_commands()
    {
        var table = File.ReadAllText(Path.Combine(Root, "docs", "verbs.md"));
        var verbs = CommandLine.Root([]).Subcommands.SelectMany(verb => verb.Subcommands.Count == 0 ? [verb.Name] : verb.Subcommands.Select(each => $"{verb.Name} {each.Name}")).ToList();
        verbs.Count.ShouldBeGreaterThan(30);

        verbs.Where(verb => !Regex.IsMatch(table, $"`{verb}[` ]")).ShouldBeEmpty();
    }

    [Fact]
    public void Every_setting_of_the_example_file_stands_in_the_table_of_settings_or_belongs_to_a_provider_or_token()
    {
        var table = File.ReadAllText(Path.Combine(Root, "docs", "settings.md"));
        var keys = File.ReadLines(Path.Combine(Root, ".env.example")).Select(line => Setting().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)
            .Where(key => key.Contains("__", StringComparison.Ordinal) && !key.StartsWith("Providers__", StringComparison.Ordinal) && !key.StartsWith("Tokens__", StringComparison.Ordinal)).ToList();
        keys.Count.ShouldBeGreaterThan(50);

        keys.Where(key => !table.Contains($"`{key}`", StringComparison.Ordinal) && !Regex.IsMatch(table, $@"\| `{key[..key.LastIndexOf("__", StringComparison.Ordinal)]}__…` \|.*`{key[(key.LastIndexOf("__", StringComparison.Ordinal) + 2)..]}`"))
            .ShouldBeEmpty();
    }

    [Fact]
    public void Every_test_that_the_security_page_names_exists()
    {
        var named = Regex.Matches(File.ReadAllText(Path.Combine(Root, "docs", "SECURITY.md")), @"`(\w+Tests)`").Select(match => match.Groups[1].Value).Distinct().ToList();
        named.Count.ShouldBeGreaterThan(15);

        named.Except(typeof(DocumentTests).Assembly.GetTypes().Select(type => type.Name)).ShouldBeEmpty();
    }

    private static IEnumerable<string> Documents() => Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Prepend(Path.Combine(Root, "README.md"));

    private static bool Exists(string from, string target)
    {
        var parts = target.Split('#');
        var file = parts[0].Length == 0 ? from : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(from)!, parts[0]));
        return parts.Length == 1
            ? File.Exists(file) || Directory.Exists(file)
            : File.Exists(file) && Heading().Matches(File.ReadAllText(file)).Any(match => Anchor(match.Groups[1].Value) == parts[1]);
    }

    // As GitHub makes them.
    private static string Anchor(string heading) => Regex.Replace(heading.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-');

    private static string Prose(string file) => Fenced().Replace(File.ReadAllText(file), "");

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^```.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fenced();

    [GeneratedRegex("^#?([A-Za-z][A-Za-z0-9_]*)=")]
    private static partial Regex Setting();
}
