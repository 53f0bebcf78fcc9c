using System.Globalization;
using System.Text;
using System.Text.Json;

namespace TokenRefresh.Bench;

/// <summary>Reads Stryker's report of one area and writes its section: the share that was killed by file, and every survivor with the result of its review.</summary>
internal static class Mutation
{
    private const string Head = "# Mutation testing\n\nStryker changes the code, one place at a time; a change that no test detects survives. `bench/mutation.sh` measures again; `bench/mutation/AREA.json` says which tests are used for each area. A run that times out counts as killed; on a busy machine the machine may be the reason.\n";

    /// <param name="room">The section to replace; the others stay.</param>
    /// <param name="report">Stryker's JSON.</param>
    /// <param name="lookedAt">Survivors that were looked at: <c>FILE | ORIGINAL => REPLACEMENT | what was found out</c>.</param>
    /// <param name="where">Commit and machine.</param>
    /// <param name="result">The Markdown file.</param>
    public static void Write(string area, string report, string lookedAt, string where, string result)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(report));
        var reasons = File.ReadLines(lookedAt).Select(line => line.Split(" | ")).Where(parts => parts.Length == 3).ToLookup(parts => $"{parts[0]} | {parts[1]}", parts => parts[2]);
        var files = json.RootElement.GetProperty("files").EnumerateObject().Select(file => Read(file, reasons)).Where(file => file.Made > 0).OrderBy(file => file.Name, StringComparer.Ordinal).ToList();

        var section = new StringBuilder().Append(CultureInfo.InvariantCulture, $"\n## {area}\n\nAt commit {where}.\n\n| file | killed | of | | of the killed, by a timeout |\n| --- | ---: | ---: | ---: | ---: |\n");
        foreach (var file in files.Append(new("all", files.Sum(file => file.Killed), files.Sum(file => file.TimedOut), files.Sum(file => file.Made), [])))
        {
            section.Append(CultureInfo.InvariantCulture, $"| {file.Name} | {file.Killed} | {file.Made} | {100.0 * file.Killed / file.Made:0.0} % | {file.TimedOut} |\n");
        }

        section.Append('\n');
        foreach (var survivor in files.SelectMany(file => file.Survivors))
        {
            section.Append("* ").Append(survivor).Append('\n');
        }

        var sections = (File.Exists(result) ? File.ReadAllText(result) : "").Split("\n## ").Skip(1).Where(old => !old.StartsWith(area + "\n", StringComparison.Ordinal)).Select(old => "\n## " + old.TrimEnd() + "\n");
        File.WriteAllText(result, Head + string.Concat(sections.Append(section.ToString())));
    }

    private static Mutated Read(JsonProperty file, ILookup<string, string> reasons)
    {
        var name = Path.GetFileName(file.Name);
        var source = file.Value.GetProperty("source").GetString()!.Split('\n');
        var made = file.Value.GetProperty("mutants").EnumerateArray().Where(mutant => Status(mutant) is not ("Ignored" or "CompileError")).ToList();
        return new(name, made.Count(IsKilled), made.Count(mutant => Status(mutant) == "Timeout"), made.Count, [.. made.Where(mutant => !IsKilled(mutant)).Select(mutant => Words(name, source, mutant, reasons))]);
    }

    private static string Words(string file, string[] source, JsonElement mutant, ILookup<string, string> reasons)
    {
        var location = mutant.GetProperty("location");
        var (line, column) = Position(location.GetProperty("start"));
        var (lastLine, lastColumn) = Position(location.GetProperty("end"));
        var original = line == lastLine ? source[line - 1][(column - 1)..(lastColumn - 1)] : source[line - 1][(column - 1)..].TrimEnd() + " …";
        var change = $"{original} => {string.Join(' ', mutant.GetProperty("replacement").GetString()!.Split('\n', StringSplitOptions.TrimEntries))}";
        return $"{file}:{line} `{change}`: {reasons[$"{file} | {change}"].FirstOrDefault() ?? (Status(mutant) == "NoCoverage" ? "no test of this area reaches this line" : "not reviewed yet")}";
    }

    private static (int Line, int Column) Position(JsonElement at) => (at.GetProperty("line").GetInt32(), at.GetProperty("column").GetInt32());

    private static string Status(JsonElement mutant) => mutant.GetProperty("status").GetString()!;

    private static bool IsKilled(JsonElement mutant) => Status(mutant) is "Killed" or "Timeout";

    private sealed record Mutated(string Name, int Killed, int TimedOut, int Made, IReadOnlyList<string> Survivors);
}
