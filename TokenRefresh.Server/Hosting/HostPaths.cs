namespace TokenRefresh.Server.Hosting;

/// <summary>Where the program stands: in its repository, or published. Decides the defaults that differ between the two.</summary>
/// <param name="RepositoryRoot">The checkout it was built in, or null when it was published.</param>
internal sealed record HostPaths(string? RepositoryRoot)
{
    /// <summary>This process's.</summary>
    public static HostPaths Current { get; } = new(FindRoot(AppContext.BaseDirectory));

    /// <summary>A checkout is for development; a published program is for production unless it is told otherwise.</summary>
    public string DefaultEnvironment => RepositoryRoot is null ? Environments.Production : Environments.Development;

    /// <summary>Where the cluster, the key file and the mail drop go when <c>Data__Directory</c> says nothing.</summary>
    public string DefaultDataDirectory => RepositoryRoot is { } root
        ? Path.Combine(root, ".data")
        : HomeFolder(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify));

    /// <summary>The <c>.env</c> files that are read, the later winning.</summary>
    public IEnumerable<string> EnvFiles => new[] { RepositoryRoot, Directory.GetCurrentDirectory() }
        .OfType<string>().Distinct().Select(folder => Path.Combine(folder, ".env")).Where(File.Exists);

    /// <summary>The data folder below a user's application data; that it can be written is seen where it is used, by those who name the setting.</summary>
    /// <exception cref="StartUpException">The user has none.</exception>
    internal static string HomeFolder(string applicationData) => applicationData.Length > 0
        ? Path.Combine(applicationData, "TokenRefresh")
        : throw new StartUpException($"The user {Environment.UserName} has no home folder. Set Data__Directory.");

    private static string? FindRoot(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "TokenRefresh.sln")))
            {
                return at.FullName;
            }
        }

        return null;
    }
}
