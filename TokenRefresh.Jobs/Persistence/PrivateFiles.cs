namespace TokenRefresh.Jobs.Persistence;

/// <summary>Files and folders that only this program's user may read, from their first byte on and whatever the umask says.</summary>
public static class PrivateFiles
{
    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder, and those above it, where there is none; one that is there is left as it is.</summary>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        // By itself the mode would be the last folder's alone.
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } above && !Directory.Exists(above))
        {
            MakeFolder(above);
        }

        Directory.CreateDirectory(path, Own | UnixFileMode.UserExecute);
    }

    /// <summary>Opens a new file for writing, in the place of one of that name.</summary>
    public static FileStream Create(string path)
    {
        // One that is there would keep its mode.
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Own;
        }

        return new(path, options);
    }
}
