namespace TokenRefresh.Tests.Fixtures;

/// <summary>Who may read a file; where the system has no such modes, everything is as it should be.</summary>
internal static class FileModes
{
    public const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    public const UnixFileMode OwnFolder = OwnFile | UnixFileMode.UserExecute;

    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    public static UnixFileMode Of(string path) => !OperatingSystem.IsWindows() ? File.GetUnixFileMode(path) : Directory.Exists(path) ? OwnFolder : OwnFile;

    /// <summary>The files below a folder that somebody else could come to and read or change.</summary>
    public static IEnumerable<string> OpenBelow(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder).Where(file => (Of(file) & Others) != 0))
        {
            yield return file;
        }

        foreach (var inner in Directory.EnumerateDirectories(folder).Where(inner => (Of(inner) & (UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0))
        {
            foreach (var file in OpenBelow(inner))
            {
                yield return file;
            }
        }
    }
}
