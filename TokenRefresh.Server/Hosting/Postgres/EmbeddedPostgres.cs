using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Npgsql;

namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>
/// The program's own Postgres: a private cluster on the loopback address with a generated password, started by the first
/// process that needs it, shared by all that run beside, and stopped by the last to leave.
/// </summary>
internal sealed partial class EmbeddedPostgres : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>The cluster's superuser and the database.</summary>
    public const string Name = "tokenrefresh";

    private readonly string home;
    private readonly RunAs runAs;
    private readonly ClusterLock users;
    private readonly PostgresBinaries binaries;
    private readonly Postmaster postmaster;
    private readonly TimeProvider clock;
    private readonly ILogger log;

    private EmbeddedPostgres(string home, RunAs runAs, ClusterLock users, PostgresBinaries binaries, TimeProvider clock, ILogger log)
    {
        (this.home, this.runAs, this.users, this.binaries, this.clock, this.log) = (home, runAs, users, binaries, clock, log);
        postmaster = new(Cluster);
    }

    /// <summary>To the database, with the password.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>For people, without the password.</summary>
    public string Description => $"embedded Postgres {binaries.Major} in {Cluster}";

    private string Cluster => Path.Combine(home, "cluster");

    private string PasswordFile => Path.Combine(home, "password");

    private string ServerLog => Path.Combine(home, "server.log");

    /// <summary>Makes the cluster where there is none, starts it where it does not run, and joins its users.</summary>
    /// <exception cref="EmbeddedPostgresException">It cannot be used; the message says what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(
        EmbeddedPostgresOptions options, ILogger log, TimeProvider clock, CancellationToken cancellationToken, PostgresFinder? finder = null)
    {
        try
        {
            var home = PrepareHome(options.DataDirectory, out var runAs);
            var users = new ClusterLock(home, clock);
            using var exclusive = await users.ExclusiveAsync(cancellationToken);
            var binaries = Choose(finder ?? PostgresFinder.ThisMachine, options.BinDirectory, home, log);
            var postgres = new EmbeddedPostgres(home, runAs, users, binaries, clock, log);
            await postgres.StartAsync(options, cancellationToken);
            users.Join();
            return postgres;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EmbeddedPostgresException(
                $"The embedded Postgres cannot use {options.DataDirectory} ({error.Message}). Make room or rights there, choose another Data__Directory, or set ConnectionStrings__TokenRefresh.", error);
        }
    }

    /// <summary>Leaves the cluster, and stops it when nobody else uses it.</summary>
    public async ValueTask DisposeAsync()
    {
        using var exclusive = await users.ExclusiveAsync(CancellationToken.None);
        if (users.Leave() && runAs.Run(binaries.Program("pg_ctl"), "stop", "-D", Cluster, "-m", "fast", "-w", "-t", "60") is { Succeeded: false } failed)
        {
            LogNotStopped(Cluster, failed.LastLine);
        }
    }

    private static string PrepareHome(string dataDirectory, out RunAs runAs)
    {
        CreateFolder(dataDirectory);
        var home = Path.Combine(dataDirectory, "postgres");
        runAs = RunAs.For(home);
        if (runAs.Reachable(dataDirectory) is var reachable && reachable != dataDirectory)
        {
            home = Path.Combine(reachable, "postgres");
            runAs = RunAs.For(home);
        }

        if (!Directory.Exists(home))
        {
            Directory.CreateDirectory(home);
            runAs.Own(home);
        }
        else if (!Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows() && RunAs.OwnerOf(home) is { } owner && owner != Environment.UserName && owner != "UNKNOWN")
        {
            throw new EmbeddedPostgresException(
                $"The cluster in {home} belongs to the user {owner}. Start the program as {owner} or as root, choose another Data__Directory, or set ConnectionStrings__TokenRefresh.");
        }

        return home;
    }

    // As root the folder is left open to walk through, for the unprivileged user below it; what is secret in it has modes of its own.
    private static void CreateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else if (!Directory.Exists(folder))
        {
            const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            Directory.CreateDirectory(folder, Environment.IsPrivilegedProcess ? Own | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : Own);
        }
    }

    private static PostgresBinaries Choose(PostgresFinder finder, string? named, string home, ILogger log)
    {
        var found = finder.Find(named);
        var packages = Path.GetDirectoryName(home)!;
        var versionFile = Path.Combine(home, "cluster", "PG_VERSION");
        var wanted = File.Exists(versionFile) ? int.Parse(File.ReadAllText(versionFile), CultureInfo.InvariantCulture) : (int?)null;
        var packaged = PostgresPackage.Installed(packages);
        if (found.Concat(packaged is null ? [] : [packaged]).FirstOrDefault(binaries => wanted is null || binaries.Major == wanted) is { } fitting)
        {
            return fitting;
        }

        if (wanted is not null && wanted != PostgresPackage.Major)
        {
            throw new EmbeddedPostgresException(
                $"The cluster in {home} was made by Postgres {wanted}, but {(found.Count == 0 ? "no Postgres" : $"only Postgres {string.Join(", ", found.Select(binaries => binaries.Major))}")} was found. "
                + $"Install Postgres {wanted}, or name its folder in TOKENREFRESH_PG_BIN.");
        }

        return PostgresPackage.Fetch(packages, finder.Path, log);
    }

    private async Task StartAsync(EmbeddedPostgresOptions options, CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(Cluster, "PG_VERSION")))
        {
            Create(options);
        }

        // One that was left running answers at once, or after it has recovered.
        for (var since = clock.GetTimestamp(); ; await Task.Delay(Pause, clock, cancellationToken))
        {
            if (await ConnectAsync(postmaster.Port, cancellationToken))
            {
                return;
            }

            if (!postmaster.IsAlive() || clock.GetElapsedTime(since) > Patience)
            {
                break;
            }
        }

        postmaster.ForgetDead();
        var port = FreePort();
        var started = runAs.Run(binaries.Program("pg_ctl"), "start", "-D", Cluster, "-w", "-t", "60", "-l", ServerLog, "-o", $"-p {port}");
        if (!started.Succeeded || !await ConnectAsync(port, cancellationToken))
        {
            throw new EmbeddedPostgresException($"The embedded Postgres in {Cluster} does not start: {Reason(started)}. See {ServerLog}.");
        }
    }

    // Made beside its place and moved there, so that a kill in the middle leaves no half-made cluster.
    private void Create(EmbeddedPostgresOptions options)
    {
        var part = Cluster + ".part";
        if (Directory.Exists(part))
        {
            Directory.Delete(part, recursive: true);
        }

        if (!File.Exists(PasswordFile))
        {
            File.WriteAllText(PasswordFile, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(PasswordFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            runAs.Own(PasswordFile);
        }

        var made = runAs.Run(binaries.Program("initdb"), "-D", part, "-U", Name, "--auth=scram-sha-256", $"--pwfile={PasswordFile}", "--encoding=UTF8", "--locale=C", "--no-instructions");
        if (!made.Succeeded)
        {
            throw new EmbeddedPostgresException($"A Postgres cluster cannot be made in {home}: {Reason(made)}. Make room or rights there, or choose another Data__Directory.");
        }

        File.AppendAllLines(Path.Combine(part, "postgresql.conf"),
        [
            "listen_addresses = '127.0.0.1'",
            "unix_socket_directories = ''",
            "max_connections = 200",
            "timezone = 'UTC'",
            "log_min_messages = warning",
            .. options.ExtraSettings,
        ]);
        Directory.Move(part, Cluster);
    }

    /// <summary>True when our cluster answers at that port; the database is then there and <see cref="ConnectionString"/> is set.</summary>
    private async Task<bool> ConnectAsync(int? port, CancellationToken cancellationToken)
    {
        if (port is null)
        {
            return false;
        }

        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1", Port = port.Value, Username = Name, Password = (await File.ReadAllTextAsync(PasswordFile, cancellationToken)).Trim(),
            Database = "postgres", ApplicationName = "TokenRefresh", Timeout = 10, Pooling = false,
        };
        try
        {
            await using var connection = new NpgsqlConnection(settings.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            await using var place = new NpgsqlCommand("SHOW data_directory", connection);
            if (Path.GetFullPath((string)(await place.ExecuteScalarAsync(cancellationToken))!) != Path.GetFullPath(Cluster))
            {
                return false;
            }

            await using var find = new NpgsqlCommand($"SELECT count(*) FROM pg_database WHERE datname = '{Name}'", connection);
            if ((long)(await find.ExecuteScalarAsync(cancellationToken))! == 0)
            {
                await using var create = new NpgsqlCommand($"CREATE DATABASE {Name}", connection);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
        }
        catch (Exception error) when (error is NpgsqlException or SocketException or TimeoutException)
        {
            // A pid file that a kill left behind, or a port that somebody else has by now.
            return false;
        }

        (settings.Database, settings.Pooling) = (Name, true);
        ConnectionString = settings.ConnectionString;
        return true;
    }

    private string Reason(CommandResult failed) =>
        (File.Exists(ServerLog) ? File.ReadLines(ServerLog).LastOrDefault(line => line.Contains("FATAL", StringComparison.Ordinal) || line.Contains("PANIC", StringComparison.Ordinal)) : null)
        ?? failed.LastLine;

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LoggerMessage(3001, LogLevel.Warning, "The embedded Postgres in {Cluster} did not stop: {Reason}")]
    private partial void LogNotStopped(string cluster, string reason);
}
