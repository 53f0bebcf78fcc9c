using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>The folder that holds a cluster, its password, its locks and its log.</summary>
/// <param name="Folder">The folder itself.</param>
/// <param name="RunAs">Who runs the cluster and owns the folder.</param>
internal sealed partial record ClusterHome(string Folder, RunAs RunAs)
{
    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Passable = Own | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private const long FullLog = 10 * 1024 * 1024;

    /// <summary>Postgres's own folder.</summary>
    public string Cluster { get; } = Path.Combine(Folder, "cluster");

    /// <summary>What the server has to say.</summary>
    public string ServerLog { get; } = Path.Combine(Folder, "server.log");

    /// <summary>Holds the superuser's password, for its owner alone.</summary>
    public string PasswordFile { get; } = Path.Combine(Folder, "password");

    /// <summary>True where a data folder has a cluster, or something that this user may not look into. Makes nothing.</summary>
    public static bool IsThere(string dataDirectory)
    {
        var (here, elsewhere) = Places(dataDirectory);
        return IsMade(here) || IsMade(elsewhere) || IsClosed(here) || IsClosed(elsewhere);
    }

    /// <summary>Finds the place of the cluster of a data folder, and makes it where there is none.</summary>
    /// <exception cref="EmbeddedPostgresException">It belongs to another user.</exception>
    public static ClusterHome Prepare(string dataDirectory)
    {
        // As root the folder is left open to walk through, for the unprivileged user below it; what is secret in it has modes of its own.
        MakeFolder(dataDirectory, Environment.IsPrivilegedProcess ? Passable : Own);
        var home = Place(dataDirectory);
        if (!Directory.Exists(home.Folder))
        {
            MakeFolder(home.Folder, Own);
        }

        // A start that was killed may not have come to hand it over.
        if (home.RunAs.IsOther && RunAs.OwnerOf(home.Folder) == "root")
        {
            home.RunAs.Own(home.Folder);
        }

        if (!home.RunAs.IsOther && !OperatingSystem.IsWindows() && RunAs.OwnerOf(home.Folder) is { } owner && owner != Environment.UserName && owner != "UNKNOWN")
        {
            throw new EmbeddedPostgresException(
                $"The cluster in {home.Folder} belongs to the user {owner}. Start the program as {owner} or as root, choose another Data__Directory, or set ConnectionStrings__TokenRefresh.");
        }

        return home;
    }

    /// <summary>The port that the cluster was last started at, as pg_ctl notes it; null where it never was.</summary>
    public int? LastPort()
    {
        var noted = Path.Combine(Cluster, "postmaster.opts");
        return File.Exists(noted) && PortNoted().Match(File.ReadAllText(noted)) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;
    }

    [GeneratedRegex("""-p"? "?([0-9]{1,5})\b""")]
    private static partial Regex PortNoted();

    /// <summary>The major version of Postgres that made the cluster, or null while there is none.</summary>
    /// <exception cref="EmbeddedPostgresException">What is there is no whole cluster.</exception>
    public int? MadeBy()
    {
        if (!Directory.Exists(Cluster))
        {
            return null;
        }

        var file = Path.Combine(Cluster, "PG_VERSION");
        return File.Exists(file) && int.TryParse(File.ReadAllText(file), CultureInfo.InvariantCulture, out var major)
            ? major
            : throw new EmbeddedPostgresException($"{Cluster} does not contain a complete cluster. Move it away or restore its backup, choose another Data__Directory, or set ConnectionStrings__TokenRefresh.");
    }

    /// <summary>Generates the password. It is written beside its place and moved there, so that a kill in the middle leaves no half of it.</summary>
    public void WritePassword()
    {
        var part = PasswordFile + ".part";
        File.Delete(part);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(part, options))
        {
            writer.Write(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
        }

        RunAs.Own(part);
        File.Move(part, PasswordFile, overwrite: true);
    }

    /// <summary>Puts a long log aside, in the place of the one before it. Only while no server writes to it.</summary>
    public void RotateLog()
    {
        if (new FileInfo(ServerLog) is { Exists: true, Length: > FullLog })
        {
            File.Move(ServerLog, ServerLog + ".old", overwrite: true);
        }
    }

    // A closed parent (such as /root) keeps root's unprivileged user out of the data folder. A cluster once made stays where
    // it is, whatever is opened or closed later: the other place would be an empty database.
    private static ClusterHome Place(string dataDirectory)
    {
        var (here, elsewhere) = Places(dataDirectory);
        var runAs = RunAs.For(here);
        if (!runAs.IsOther || IsMade(here) || (!IsMade(elsewhere) && runAs.CanEnter(dataDirectory)))
        {
            return new(here, runAs);
        }

        MakeFolder("/var/lib/tokenrefresh", Passable);
        MakeFolder(Path.GetDirectoryName(elsewhere)!, Passable);
        return new(elsewhere, RunAs.For(elsewhere));
    }

    private static (string Here, string Elsewhere) Places(string dataDirectory) => (
        Path.Combine(dataDirectory, "postgres"),
        Path.Combine("/var/lib/tokenrefresh", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(dataDirectory)))[..16], "postgres"));

    private static bool IsClosed(string folder)
    {
        try
        {
            _ = Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static bool IsMade(string home) => File.Exists(Path.Combine(home, "cluster", "PG_VERSION"));

    private static void MakeFolder(string folder, UnixFileMode mode)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows())
        {
            // Said once more because the umask may have taken something away.
            File.SetUnixFileMode(folder, mode);
        }
    }
}
