using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>Where no Postgres is installed and npm is: a pinned package with the server's binaries, whose integrity is checked before it is unpacked.</summary>
internal static partial class PostgresPackage
{
    /// <summary>The major version of the package.</summary>
    public const int Major = 17;

    private const string Version = "17.6.0-beta.15";

    private static readonly Dictionary<string, string> IntegrityByPlatform = new()
    {
        ["linux-x64"] = "f04/oSB35rc2SB4WbJLvUGeh8eNnnwbsIkLXLf86Bi43vOc7H07Znx1zROwpi08mGkUFmNrpAcXyL4Yu8YRgMw==",
        ["linux-arm64"] = "L4xWiBeiRoltG3UeiKZn5EWrNoqoHq6evBJlWk176AhB89QThfGfDndNyRrSwB22aHfPP4t1LXs7qQUmG1TVVA==",
        ["darwin-x64"] = "8IbShoPZNPnfWg+JMr1betXseUX4vYK7kc9i3VQo8sA6LovLlmNq6kxavnE3FuRqZiRSr5l/zvPqRT+u9x3cMQ==",
        ["darwin-arm64"] = "6qadBAn0/b1iccZISh0ZPaI3FpHlChSrLr0wMlonBUCJyTIJth7l9XZZd2eNlJixnbQU4LMVea+7d/YGFgGg9w==",
        ["windows-x64"] = "zzoF/J8NA6cePJPnWcWBti4IXt3347A9zD7ucSHx4ccuS5v/uhip4Cm1Oc+isI8TIjW/jtEL9pKsu6J1upoHSA==",
    };

    private static string Platform =>
        $"{(OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>What an earlier start has fetched, or null.</summary>
    public static PostgresBinaries? Installed(string dataDirectory) =>
        PostgresFinder.At(Path.Combine(Folder(dataDirectory), "package", "native", "bin"));

    /// <summary>Fetches, checks and unpacks the package.</summary>
    /// <exception cref="EmbeddedPostgresException">There is no npm, no package for this platform, or what came is not what was pinned.</exception>
    public static PostgresBinaries Fetch(string dataDirectory, string path, ILogger log)
    {
        var npm = path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "npm.cmd" : "npm")).FirstOrDefault(File.Exists);
        if (npm is null || !IntegrityByPlatform.TryGetValue(Platform, out var integrity))
        {
            throw new EmbeddedPostgresException($"No Postgres was found on this machine. {PostgresBinaries.Advice}");
        }

        var folder = Folder(dataDirectory);
        LogFetching(log, Platform, folder);
        Directory.CreateDirectory(folder);
        foreach (var leftover in Directory.EnumerateFiles(folder, "*.tgz"))
        {
            File.Delete(leftover);
        }

        var packed = Commands.Run(npm, ["pack", $"@embedded-postgres/{Platform}@{Version}", "--pack-destination", folder, "--ignore-scripts"], folder);
        var tarball = Directory.EnumerateFiles(folder, "*.tgz").FirstOrDefault();
        if (!packed.Succeeded || tarball is null)
        {
            throw new EmbeddedPostgresException($"No Postgres was found, and npm could not download it ({packed.LastLine}). {PostgresBinaries.Advice}");
        }

        Unpack(tarball, integrity, folder);
        File.Delete(tarball);
        return Installed(dataDirectory)
            ?? throw new EmbeddedPostgresException($"The downloaded Postgres in {folder} does not run on this machine. {PostgresBinaries.Advice}");
    }

    /// <summary>Checks a tarball against its pinned sha512 and unpacks it; nothing is written before the check.</summary>
    internal static void Unpack(string tarball, string integrity, string folder)
    {
        if (Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(tarball))) != integrity)
        {
            File.Delete(tarball);
            throw new EmbeddedPostgresException($"The downloaded Postgres does not match the pinned checksum; it was deleted. {PostgresBinaries.Advice}");
        }

        // Unpacked beside its place and moved there whole, so that a kill in the middle leaves no half of a server.
        var part = Path.Combine(folder, "part");
        var package = Path.Combine(part, "package");
        DeleteFolder(part);
        Directory.CreateDirectory(part);
        using (var stream = new GZipStream(File.OpenRead(tarball), CompressionMode.Decompress))
        {
            // Refuses entries that would land outside the folder.
            TarFile.ExtractToDirectory(stream, part, overwriteFiles: true);
        }

        foreach (var link in Links(Path.Combine(package, "native", "pg-symlinks.json")))
        {
            Link(package, link);
        }

        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode Executable = (UnixFileMode)0b111_101_101;
            foreach (var program in Directory.EnumerateFiles(Path.Combine(package, "native", "bin")))
            {
                File.SetUnixFileMode(program, Executable);
            }
        }

        DeleteFolder(Path.Combine(folder, "package"));
        Directory.Move(package, Path.Combine(folder, "package"));
        Directory.Delete(part);
    }

    private static void DeleteFolder(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // An npm package cannot hold links, so this one lists them.
    private static PackagedLink[] Links(string list) => File.Exists(list)
        ? JsonSerializer.Deserialize<PackagedLink[]>(File.ReadAllText(list), JsonSerializerOptions.Web) ?? []
        : [];

    private static void Link(string root, PackagedLink link)
    {
        var at = Path.GetFullPath(Path.Combine(root, link.Target));
        var to = Path.GetFullPath(Path.Combine(root, link.Source));
        if (at.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && to.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && !File.Exists(at))
        {
            // Relative, because the package is moved once it is whole.
            File.CreateSymbolicLink(at, Path.GetRelativePath(Path.GetDirectoryName(at)!, to));
        }
    }

    private static string Folder(string dataDirectory) => Path.Combine(dataDirectory, "postgres-binaries");

    private sealed record PackagedLink(string Source, string Target);

    [LoggerMessage(3002, LogLevel.Information, "No Postgres is installed; downloading the pinned package for {Platform} with npm into {Folder}")]
    private static partial void LogFetching(ILogger log, string platform, string folder);
}
