namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>The user that Postgres runs as: this one, or an unprivileged one when this is root, because Postgres refuses to be root.</summary>
internal sealed class RunAs
{
    private readonly string? user;

    private RunAs(string? user) => this.user = user;

    /// <summary>True if the programs run as another user.</summary>
    public bool IsOther => user is not null;

    /// <summary>Who can run a cluster in <paramref name="folder"/>, whose owner goes before the system's own Postgres user.</summary>
    public static RunAs For(string folder)
    {
        if (!Environment.IsPrivilegedProcess || OperatingSystem.IsWindows())
        {
            return new(null);
        }

        var owner = Directory.Exists(folder) ? OwnerOf(folder) : null;
        var candidates = new[] { owner, "postgres", "nobody" }.Where(name => name is not (null or "root" or "UNKNOWN"));
        return new(candidates.FirstOrDefault(name => Commands.Run("id", ["-u", name!]).Succeeded)
            ?? throw new EmbeddedPostgresException("Postgres does not run as root and there is no user 'postgres' or 'nobody' to run it as. Start the program as a regular user."));
    }

    /// <summary>The name of a folder's owner, or null where that cannot be told.</summary>
    public static string? OwnerOf(string folder) =>
        Commands.Run("stat", ["-c", "%U", folder]) is { Succeeded: true, Output: var gnu } ? gnu.Trim()
        : Commands.Run("stat", ["-f", "%Su", folder]) is { Succeeded: true, Output: var bsd } ? bsd.Trim()
        : null;

    /// <summary>Runs a program as that user.</summary>
    public CommandResult Run(string program, params string[] arguments) => user is null
        ? Commands.Run(program, arguments)
        : Commands.Run("runuser", ["-u", user, "--", program, .. arguments]) is { ExitCode: not -1 } result ? result
        : Commands.Run("setpriv", ["--reuid", user, "--regid", GroupId(), "--clear-groups", program, .. arguments]);

    /// <summary>Hands a file or folder over to that user.</summary>
    public void Own(string path)
    {
        if (user is not null && Commands.Run("chown", ["-R", $"{user}:{GroupId()}", path]) is { Succeeded: false } refused)
        {
            throw new EmbeddedPostgresException($"Cannot change the owner of {path} to {user} ({refused.LastLine}). Choose another Data__Directory.");
        }
    }

    /// <summary>True when that user gets into a folder; a closed parent (such as /root) keeps it out.</summary>
    public bool CanEnter(string folder) => user is null || Run("test", "-x", folder).Succeeded;

    private string GroupId() => Commands.Run("id", ["-g", user!]).Output.Trim();
}
