using System.Text.RegularExpressions;
using DotNetEnv;

namespace TokenRefresh.Server.Hosting;

/// <summary>What the <c>.env</c> files hold.</summary>
/// <param name="Values">All pairs, in configuration spelling; of a key that stands twice, the later.</param>
/// <param name="Warnings">What was passed over, and what may not be what was meant; no values.</param>
internal sealed record EnvSettings(Dictionary<string, string?> Values, IReadOnlyList<string> Warnings);

/// <summary>Reads <c>.env</c> files into the configuration, below the real environment.</summary>
internal static partial class EnvFile
{
    /// <summary>More lines than any value has; where a quotation mark is never closed, the rest of a file is not tried for each line.</summary>
    private const int LongestValue = 60;

    // The seed's own names go on working; ours win where both are set.
    private static readonly Dictionary<string, string> Aliases = new()
    {
        ["TOKEN_REFRESH_NOTIFICATIONS_ENABLED"] = "TokenRefresh:Notifications:Enabled",
        ["ADMIN_EMAIL"] = "TokenRefresh:Notifications:Email",
    };

    /// <summary>All pairs of the files. A name of the seed counts where ours is not there or empty. A line that cannot be read is passed over, unless it is a setting of ours.</summary>
    /// <exception cref="EnvFileException">A file cannot be read, or one of our settings in it cannot.</exception>
    public static EnvSettings Read(IEnumerable<string> files)
    {
        var pairs = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var seeds = new Dictionary<string, string?>();
        var warnings = new List<string>();
        foreach (var file in files)
        {
            foreach (var (key, value) in Pairs(file, warnings))
            {
                if (Aliases.TryGetValue(key, out var ours))
                {
                    seeds[ours] = value;
                }
                else
                {
                    pairs[key.Replace("__", ":", StringComparison.Ordinal)] = value;
                }
            }
        }

        foreach (var (key, value) in seeds.Where(seed => string.IsNullOrWhiteSpace(pairs.GetValueOrDefault(seed.Key))))
        {
            pairs[key] = value;
        }

        return new(pairs, warnings);
    }

    /// <summary>The seed's names out of the real environment.</summary>
    public static Dictionary<string, string?> FromEnvironment() => Aliases
        .Where(alias => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(alias.Key)))
        .ToDictionary(alias => alias.Value, alias => Environment.GetEnvironmentVariable(alias.Key));

    private static List<KeyValuePair<string, string>> Pairs(string file, List<string> warnings)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllText(file).ReplaceLineEndings("\n").Split('\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EnvFileException($"{file} cannot be read ({error.GetType().Name}).", error);
        }

        for (var at = 0; at < lines.Length;)
        {
            var length = StatementAt(lines, at, out var pair);
            if (length == 0)
            {
                PassOver(file, at, lines[at], warnings);
                (lines[at], length) = ("", 1);
            }
            else if (pair is { } read && IsOurs(read.Key) && IsCut(string.Join('\n', lines.Skip(at).Take(length)), read.Value))
            {
                warnings.Add($"{file}, line {at + 1}: the value of {read.Key} is cut at a $, which refers to a variable that is not set. Put the value into single quotes.");
            }

            at += length;
        }

        // Once more as a whole, since values may refer to values above them.
        return TryParse(string.Join('\n', lines), out var pairs) ? pairs : throw new EnvFileException($"{file} cannot be read: each line must be KEY=value or a comment.");
    }

    /// <summary>How many lines the statement has that begins here; 0 where there is none that can be read. A value in quotation marks may have several.</summary>
    private static int StatementAt(string[] lines, int at, out KeyValuePair<string, string>? pair)
    {
        var most = OpensQuotes().IsMatch(lines[at]) ? Math.Min(LongestValue, lines.Length - at) : 1;
        for (var length = 1; length <= most; length++)
        {
            if (TryParse(string.Join('\n', lines.Skip(at).Take(length)), out var pairs))
            {
                pair = pairs.Count == 0 ? null : pairs[0];
                return length;
            }
        }

        pair = null;
        return 0;
    }

    private static bool TryParse(string text, out List<KeyValuePair<string, string>> pairs)
    {
        try
        {
            pairs = [.. Env.LoadContents(text, Env.NoEnvVars())];
            return true;
        }
        catch (Exception error) when (error is Sprache.ParseException or FormatException)
        {
            pairs = [];
            return false;
        }
    }

    private static void PassOver(string file, int at, string line, List<string> warnings)
    {
        // Only the name is repeated: what was meant as a value may be a secret.
        if (KeyAtStart().Match(line).Groups[1].Value is { Length: > 0 } key && IsOurs(key))
        {
            throw new EnvFileException($"{file}, line {at + 1}: {key} cannot be read: a setting must be KEY=value in one line, with '…' around a value that contains spaces, quotation marks, # or $.");
        }

        warnings.Add($"{file}, line {at + 1} cannot be read and is skipped: each line must be KEY=value or a comment.");
    }

    private static bool IsOurs(string key) => Aliases.ContainsKey(key) || SectionNames.IsOurs(key);

    private static bool IsCut(string statement, string value)
    {
        var raw = statement[(statement.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim();
        return !raw.StartsWith('\'') && value.Count(character => character == '$') < Variable().Count(raw)
            && Variable().Matches(raw).Any(variable => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable.Groups[1].Value)));
    }

    [GeneratedRegex(@"^\s*(?:export\s+)?([A-Za-z_][\w:.]*)")]
    private static partial Regex KeyAtStart();

    [GeneratedRegex("""=\s*["']""")]
    private static partial Regex OpensQuotes();

    [GeneratedRegex(@"(?<!\\)\$\{?([A-Za-z_]\w*)")]
    private static partial Regex Variable();
}

/// <summary>A <c>.env</c> file is wrong; the message names it and nothing that it holds.</summary>
internal sealed class EnvFileException(string message, Exception? inner = null) : Exception(message, inner);
