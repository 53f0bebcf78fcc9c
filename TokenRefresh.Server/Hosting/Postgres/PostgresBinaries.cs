using System.Globalization;
using System.Text.RegularExpressions;

namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>A folder with a Postgres server, and its major version.</summary>
internal sealed record PostgresBinaries(string Directory, int Major)
{
    /// <summary>The oldest version that the program works with.</summary>
    public const int OldestMajor = 14;

    /// <summary>The path of one of its programs.</summary>
    public string Program(string name) => Path.Combine(Directory, OperatingSystem.IsWindows() ? $"{name}.exe" : name);

    /// <summary>What an operator is told where there is none.</summary>
    public static string Advice { get; } =
        "Install it ('apt-get install postgresql' on Debian, 'dnf install postgresql-server' on Fedora, 'brew install postgresql@17' on macOS), "
        + "set TOKENREFRESH_PG_BIN to its folder, or set ConnectionStrings__TokenRefresh to a running Postgres.";
}

/// <summary>Finds Postgres servers on this machine.</summary>
/// <param name="Path">The <c>PATH</c> to search.</param>
/// <param name="Folders">The usual folders; a <c>*</c> stands for any part of a name.</param>
internal sealed partial record PostgresFinder(string Path, IReadOnlyList<string> Folders)
{
    private static readonly string[] Programs = ["initdb", "pg_ctl", "postgres"];

    /// <summary>This machine's.</summary>
    public static PostgresFinder ThisMachine { get; } = new(Environment.GetEnvironmentVariable("PATH") ?? "", UsualFolders());

    /// <summary>Every server found, in the order of preference: PATH first, then the usual folders from the newest version down.</summary>
    /// <param name="named">The folder that a person has named; it is then the only one.</param>
    /// <exception cref="EmbeddedPostgresException">The named folder holds no server.</exception>
    public IReadOnlyList<PostgresBinaries> Find(string? named)
    {
        if (!string.IsNullOrWhiteSpace(named))
        {
            return [At(named) ?? throw new EmbeddedPostgresException(
                $"TOKENREFRESH_PG_BIN = '{named}' is not allowed: a folder with initdb, pg_ctl and postgres of version {PostgresBinaries.OldestMajor} or newer.") { IsWrongSetting = true }];
        }

        var onPath = Path.Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).SelectMany(WithLinkTarget).Select(At);
        var usual = Folders.SelectMany(Expand).Select(At).OfType<PostgresBinaries>().OrderByDescending(found => found.Major);
        return [.. onPath.OfType<PostgresBinaries>().Concat(usual).DistinctBy(found => found.Directory)];
    }

    /// <summary>The server in a folder, or null where one of its programs is missing or it is too old.</summary>
    public static PostgresBinaries? At(string folder)
    {
        var found = new PostgresBinaries(System.IO.Path.GetFullPath(folder), 0);
        return Programs.All(name => File.Exists(found.Program(name)))
            && Version().Match(Commands.Run(found.Program("postgres"), ["--version"]).Output) is { Success: true } version
            && int.Parse(version.Groups[1].Value, CultureInfo.InvariantCulture) is >= PostgresBinaries.OldestMajor and var major
                ? found with { Major = major }
                : null;
    }

    // A PATH may hold links to single programs; the others lie beside what the link leads to.
    private static IEnumerable<string> WithLinkTarget(string folder)
    {
        yield return folder;
        var link = new FileInfo(System.IO.Path.Combine(folder, "postgres"));
        if (link.LinkTarget is not null && link.ResolveLinkTarget(returnFinalTarget: true) is { Exists: true } target)
        {
            yield return System.IO.Path.GetDirectoryName(target.FullName)!;
        }
    }

    private static IEnumerable<string> Expand(string pattern)
    {
        IEnumerable<string> folders = [System.IO.Path.GetPathRoot(pattern)!];
        foreach (var part in pattern[System.IO.Path.GetPathRoot(pattern)!.Length..].Split(System.IO.Path.DirectorySeparatorChar))
        {
            folders = part.Contains('*', StringComparison.Ordinal)
                ? folders.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateDirectories(folder, part))
                : folders.Select(folder => System.IO.Path.Combine(folder, part));
        }

        return folders.Where(Directory.Exists);
    }

    private static string[] UsualFolders() => OperatingSystem.IsWindows()
        ? [@"C:\Program Files\PostgreSQL\*\bin"]
        :
        [
            "/usr/lib/postgresql/*/bin",
            "/usr/pgsql-*/bin",
            "/usr/bin",
            "/opt/homebrew/opt/postgresql*/bin",
            "/usr/local/opt/postgresql*/bin",
            "/usr/local/pgsql/bin",
        ];

    [GeneratedRegex(@"PostgreSQL\) (\d+)")]
    private static partial Regex Version();
}
