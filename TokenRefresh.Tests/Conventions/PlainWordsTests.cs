using System.Text.RegularExpressions;
using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Conventions;

/// <summary>What users read is plain, present-day technical English: the words that were replaced do not come back.</summary>
public sealed class PlainWordsTests
{
    /// <summary>Phrases that no page, verb, message, setting or document uses, with the words that stand there instead.</summary>
    private static readonly (string Pattern, string Plain)[] Replaced =
    [
        ("95 of 100", "p95"),
        (@"\bon average\b", "avg"),
        (@"nothing is wrong\b", "All systems operational"),
        (@"nothing is held\b", "No tokens yet: add credentials"),
        (@"\bwrong now\b", "what fails, such as: jibit: refresh failing, provider unreachable"),
        (@"\bwaits? for (a person|changed settings)", "needs action; retries stopped: update the credentials"),
        (@"^at \d+.* % of its \d+ [a-z]+$", "scheduled at 67 % of its 10-day lifetime"),
        (@"\bwhy then\b", "reason"),
        (@"\blast outcome\b", "last result"),
        (@"\bwhat came of it\b", "result"),
        (@"\bworks until\b", "expiry, valid until"),
        (@"\battempt (\d+|@[\w.]+) at\b", "Attempt #43, jibit"),
        (@"\bas stated and as seen\b", "advertised and observed"),
        (@"\bdies\b|\bdied\b|\bto die\b|\bdead since\b", "expires, expired"),
        (">what it is<", "Details"),
        (@"\banew at any time\b", "Client credentials"),
        (@"\bwho read (it|them) in the last\b", "Clients, last 7 days"),
        (@"\bcared? for\b|\btakes? care\b", "Acknowledge, Acknowledged"),
        (@"\bremind (me|you) tomorrow\b", "Snooze 24 h"),
        (@"\bover for\b|\bthose that ended\b|<h2>ended<|^over$", "Resolved"),
        (@">deliveries<|>tries<|>written<|\bat try \d|\bat try \{", "Notifications, Attempts, Created"),
        (@"\btold anything\b|\btry the way\b", "No notifications yet. Send a test"),
        (@"\bjobs wait<|\bin work\b|\bfailed for good\b", "Enqueued, Processing, Failed"),
        (@"(?<!\.)\btimetable\b(?!\.png)", "Recurring jobs, schedule"),
        (@"\bprovider died\b", "Outage runway"),
        (@"\bcircuit at this node\b", "Circuit breaker"),
        (@"\bsign of life\b", "Last heartbeat"),
        (@"\bwhether due or not\b", "Force"),
        (@"\bthose chosen\b", "3 selected"),
        (@"\bmake a key\b|^good$|>made<", "Create key, Active, Created"),
        (@"\byours to do\b", "You don't have permission"),
        (@"\bthere is nothing here\b|^to the tokens$|>to the tokens<", "Page not found, Back to tokens"),
        (@"\bname and password do not fit\b", "Incorrect username or password"),
        (@"\blet in no more\b", "Revoked key"),
        (@"\bit was done\b", "User \"reza\" created"),
        (@"\bfits no token\b", "No token matches"),
        (@"\brepeat failed ones\b", "Manage the queue"),
        (@"\bfirst to die\b|\bmended by\b|\blife left\b", "Earliest expiry, Resolved by, Time left"),
        (@"\bcame by the way\b", "Email delivery works"),
        (@"\bthe door\b", "the refresh"),
        (@"^#+ (be told|look at it|what it takes)$", "Notifications, Admin panel, Performance"),
        (@"\bof another make\b", "from another vendor"),
        (@"\btold of\b", "reported"),
        (@"\bmend(s|ed|ing)?\b", "fix"),
        (@"\bwhoever\b", "anyone who"),
        (@"(?<!['""/])\b(nobody|somebody)\b(?!['""])", "no one, someone"),
        (@"\bby comma\b", "comma-separated"),
        (@"\bfeels the pulse\b", "reads the system status"),
    ];

    private const string UserOfTheSystem = "nobody";

    private static readonly Regex Any = new(string.Join('|', Replaced.Select(words => $"(?:{words.Pattern})")), RegexOptions.IgnoreCase | RegexOptions.Multiline, TimeSpan.FromSeconds(10));

    private static string Root => HostPaths.Current.RepositoryRoot!;

    [Fact]
    public void Documents_settings_and_deployment_files_use_plain_words() =>
        Files("docs", "*.md").Concat(Files("bench/results", "*.md")).Concat(Files("bench", "*.sh")).Concat(Files("deploy", "*"))
            .Append(Path.Combine(Root, "README.md")).Append(Path.Combine(Root, ".env.example"))
            .SelectMany(file => File.ReadLines(file).Select((line, index) => (File: file, Line: index + 1, Text: line)))
            .ToList().ShouldSatisfyAllConditions(lines => lines.Count.ShouldBeGreaterThan(1000), lines => Found(lines).ShouldBeEmpty());

    [Fact]
    public void Pages_use_plain_words() =>
        Files("TokenRefresh.Server/Pages", "*.cshtml").Concat(Files("TokenRefresh.Server/wwwroot", "*.js"))
            .SelectMany(file => File.ReadLines(file).Select((line, index) => (File: file, Line: index + 1, Text: line)))
            .ToList().ShouldSatisfyAllConditions(lines => lines.Count.ShouldBeGreaterThan(1000), lines => Found(lines).ShouldBeEmpty());

    /// <summary>Verbs, messages, mails, log lines, names of jobs, descriptions of metrics, errors of settings and of the API: all of them are literals.</summary>
    [Fact]
    public void Every_text_of_the_program_uses_plain_words() =>
        new[] { "TokenRefresh.Providers", "TokenRefresh.Jobs", "TokenRefresh.Server" }.SelectMany(project => Files(project, "*.cs"))
            .Where(file => !file.Contains("/Migrations/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .SelectMany(file => CSharpText.Literals(File.ReadAllText(file)).Select(literal => (File: file, literal.Line, literal.Text)))
            .ToList().ShouldSatisfyAllConditions(literals => literals.Count.ShouldBeGreaterThan(2000), literals => Found(literals).ShouldBeEmpty());

    [Theory]
    [InlineData("""Say("jibit is let in no more");""", true)]
    [InlineData("""// what came of it, in a comment""", false)]
    [InlineData("""Say($"{name} {(left > 0 ? "works until" : "expired")} {end}");""", true)]
    [InlineData("""Say($"{{ {nameof(WrongNow)} }}"); WhatCameOfIt();""", false)]
    [InlineData(""""Say(@"a ""door""", 'd', "the door");"""", true)]
    [InlineData(""""Say($$"""{"state":"{{Words("over")}}"}""");"""", true)]
    public void A_literal_is_found_within_code_and_code_is_not(string code, bool isFound) =>
        CSharpText.Literals(code).Any(literal => Any.IsMatch(literal.Text)).ShouldBe(isFound);

    private static IEnumerable<string> Found(IEnumerable<(string File, int Line, string Text)> texts) =>
        from text in texts
        let match = Any.Match(text.Text)
        where match.Success && text.Text != UserOfTheSystem
        select $"{Path.GetRelativePath(Root, text.File)}:{text.Line} '{match.Value}' instead of '{Replaced.First(words => Regex.IsMatch(match.Value, words.Pattern, RegexOptions.IgnoreCase)).Plain}'";

    private static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, pattern == "*.sh" || folder == "deploy" ? SearchOption.TopDirectoryOnly : SearchOption.AllDirectories).Select(file => file.Replace('\\', '/'));
}
