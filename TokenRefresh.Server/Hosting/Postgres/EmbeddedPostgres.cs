using System.Net;
using System.Net.Sockets;
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

    /// <summary>How often a start is tried when what hinders it may pass.</summary>
    private const int Tries = 5;

    /// <summary>The cluster's superuser and the database.</summary>
    public const string Name = "tokenrefresh";

    private readonly ClusterHome home;
    private readonly ClusterLock users;
    private readonly PostgresBinaries binaries;
    private readonly Postmaster postmaster;
    private readonly TimeProvider clock;
    private readonly ILogger log;
    private readonly bool mayCreate;
    private string? refusal;
    private bool hasLeft;

    private EmbeddedPostgres(ClusterHome home, ClusterLock users, PostgresBinaries binaries, bool mayCreate, TimeProvider clock, ILogger log)
    {
        (this.home, this.users, this.binaries, this.mayCreate, this.clock, this.log) = (home, users, binaries, mayCreate, clock, log);
        postmaster = new(home.Cluster);
    }

    /// <summary>To the database, with the password.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>For people, without the password.</summary>
    public string Description => $"embedded Postgres {binaries.Major} in {home.Cluster}";

    /// <summary>Makes the cluster where there is none, starts it where it does not run, and joins its users.</summary>
    /// <exception cref="EmbeddedPostgresException">It cannot be used; the message says what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(
        EmbeddedPostgresOptions options, ILogger log, TimeProvider clock, CancellationToken cancellationToken, PostgresFinder? finder = null)
    {
        if (!options.MayCreate && !ClusterHome.IsThere(options.DataDirectory))
        {
            throw Missing($"No database in {options.DataDirectory} (Data__Directory; ConnectionStrings__TokenRefresh is not set)");
        }

        try
        {
            var home = ClusterHome.Prepare(options.DataDirectory);
            var users = new ClusterLock(home.Folder, clock);
            using var exclusive = await users.ExclusiveAsync(cancellationToken);
            var binaries = Choose(finder ?? PostgresFinder.ThisMachine, options.BinDirectory, home, log);
            var postgres = new EmbeddedPostgres(home, users, binaries, options.MayCreate, clock, log);
            await postgres.StartAsync(options, cancellationToken);
            users.Join();
            return postgres;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EmbeddedPostgresException(
                $"The embedded Postgres cannot use {options.DataDirectory} ({error.Message}). Free disk space or fix the permissions there, choose another Data__Directory, or set ConnectionStrings__TokenRefresh.", error);
        }
    }

    /// <summary>Releases the cluster, and stops it if no other process uses it. If that fails, the shutdown continues.</summary>
    public async ValueTask DisposeAsync()
    {
        if (hasLeft)
        {
            return;
        }

        hasLeft = true;
        try
        {
            using var exclusive = await users.ExclusiveAsync(CancellationToken.None);
            if (users.Leave() && Stop() is { Succeeded: false } failed)
            {
                LogNotStopped(home.Cluster, failed.LastLine);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or EmbeddedPostgresException)
        {
            LogNotStopped(home.Cluster, error.Message);
        }
        finally
        {
            users.Dispose();
        }
    }

    // A cluster is only ever run by the version that made it.
    private static PostgresBinaries Choose(PostgresFinder finder, string? named, ClusterHome home, ILogger log)
    {
        var isNamed = !string.IsNullOrWhiteSpace(named);
        var found = finder.Find(named);
        var packages = Path.GetDirectoryName(home.Folder)!;
        var wanted = home.MadeBy();
        var candidates = !isNamed && PostgresPackage.Installed(packages) is { } packaged ? [.. found, packaged] : found;
        if (candidates.FirstOrDefault(binaries => wanted is null || binaries.Major == wanted) is { } fitting)
        {
            return fitting;
        }

        if (isNamed || (wanted is not null && wanted != PostgresPackage.Major))
        {
            throw new EmbeddedPostgresException(
                $"The cluster in {home.Folder} was created by Postgres {wanted}, but {(found.Count == 0 ? "no Postgres" : $"only Postgres {string.Join(", ", found.Select(binaries => binaries.Major))}")} was found. "
                + $"Install Postgres {wanted}, or set TOKENREFRESH_PG_BIN to its folder.");
        }

        return PostgresPackage.Fetch(packages, finder.Path, log);
    }

    private async Task StartAsync(EmbeddedPostgresOptions options, CancellationToken cancellationToken)
    {
        if (home.MadeBy() is null)
        {
            Create(options);
        }

        if (await AdoptAsync(cancellationToken))
        {
            return;
        }

        for (var attempt = 1; ; attempt++, await Task.Delay(Pause, clock, cancellationToken))
        {
            postmaster.ForgetDead();
            home.RotateLog();
            var logged = File.Exists(home.ServerLog) ? new FileInfo(home.ServerLog).Length : 0;
            var port = Port();
            var started = home.RunAs.Run(binaries.Program("pg_ctl"), "start", "-D", home.Cluster, "-w", "-t", "60", "-l", home.ServerLog, "-o", $"-p {port}");
            if (started.Succeeded)
            {
                if (await ConnectAsync(port, cancellationToken))
                {
                    return;
                }

                Stop();
                throw Refused();
            }

            var reason = Reason(logged) ?? started.LastLine;
            if (attempt == Tries || !MayPass(reason))
            {
                throw new EmbeddedPostgresException($"The embedded Postgres in {home.Cluster} did not start: {reason}. See {home.ServerLog}.");
            }
        }
    }

    /// <summary>Takes over a server that was left running: it answers at once, or after it has recovered.</summary>
    private async Task<bool> AdoptAsync(CancellationToken cancellationToken)
    {
        for (var since = clock.GetTimestamp(); ; await Task.Delay(Pause, clock, cancellationToken))
        {
            if (await ConnectAsync(postmaster.Port, cancellationToken))
            {
                return true;
            }

            if (!postmaster.IsAlive())
            {
                return false;
            }

            if (refusal is not null || clock.GetElapsedTime(since) > Patience)
            {
                throw Refused();
            }
        }
    }

    private static EmbeddedPostgresException Missing(string what) => new(what) { IsMissing = true };

    private CommandResult Stop() => home.RunAs.Run(binaries.Program("pg_ctl"), "stop", "-D", home.Cluster, "-m", "fast", "-w", "-t", "60");

    private EmbeddedPostgresException Refused() => new(
        $"The embedded Postgres in {home.Cluster} runs but cannot be used: {refusal ?? "it does not answer"}. If {home.PasswordFile} was changed, restore its backup; see {home.ServerLog}.");

    // Made beside its place and moved there, so that a kill in the middle leaves no half-made cluster.
    private void Create(EmbeddedPostgresOptions options)
    {
        var part = home.Cluster + ".part";
        if (Directory.Exists(part))
        {
            Directory.Delete(part, recursive: true);
        }

        home.WritePassword();
        var made = home.RunAs.Run(binaries.Program("initdb"), "-D", part, "-U", Name, "--auth=scram-sha-256", $"--pwfile={home.PasswordFile}", "--encoding=UTF8", "--locale=C", "--no-instructions");
        if (!made.Succeeded)
        {
            throw new EmbeddedPostgresException($"A Postgres cluster cannot be created in {home.Folder}: {made.Complaint}. Free disk space or fix the permissions there, or choose another Data__Directory.");
        }

        File.AppendAllLines(Path.Combine(part, "postgresql.conf"),
        [
            "listen_addresses = '127.0.0.1'",
            "unix_socket_directories = ''",
            "max_connections = 200",
            "timezone = 'UTC'",
            "log_min_messages = warning",
            "log_checkpoints = off",
            .. options.ExtraSettings,
        ]);
        Directory.Move(part, home.Cluster);
    }

    /// <summary>True when our cluster answers at that port; the database is then there and <see cref="ConnectionString"/> is set.</summary>
    private async Task<bool> ConnectAsync(int? port, CancellationToken cancellationToken)
    {
        refusal = null;
        if (port is null)
        {
            return false;
        }

        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1", Port = port.Value, Username = Name, Password = (await File.ReadAllTextAsync(home.PasswordFile, cancellationToken)).Trim(),
            Database = "postgres", ApplicationName = "TokenRefresh", Timeout = 10, Pooling = false,
        };
        try
        {
            await using var connection = new NpgsqlConnection(settings.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            await using var place = new NpgsqlCommand("SHOW data_directory", connection);
            if (Path.GetFullPath((string)(await place.ExecuteScalarAsync(cancellationToken))!) != Path.GetFullPath(home.Cluster))
            {
                return false;
            }

            await using var find = new NpgsqlCommand($"SELECT count(*) FROM pg_database WHERE datname = '{Name}'", connection);
            if ((long)(await find.ExecuteScalarAsync(cancellationToken))! == 0)
            {
                if (!mayCreate)
                {
                    throw Missing($"The cluster in {home.Cluster} has no database {Name}");
                }

                await using var create = new NpgsqlCommand($"CREATE DATABASE {Name}", connection);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
        }
        catch (PostgresException error) when (error.SqlState is PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification)
        {
            refusal = error.MessageText;
            return false;
        }
        catch (Exception error) when (error is NpgsqlException or SocketException or TimeoutException)
        {
            // A pid file that a kill left behind, or a port that another process has taken.
            return false;
        }

        (settings.Database, settings.Pooling) = (Name, true);
        ConnectionString = settings.ConnectionString;
        return true;
    }

    // The last word of the server on this start, not on an earlier one.
    private string? Reason(long logged)
    {
        if (!File.Exists(home.ServerLog))
        {
            return null;
        }

        using var reader = new StreamReader(home.ServerLog, new FileStreamOptions { Share = FileShare.ReadWrite });
        reader.BaseStream.Position = logged;
        return CommandResult.LastComplaint(reader.ReadToEnd());
    }

    // Another process took the port in between, or children of a killed server are still exiting.
    private static bool MayPass(string reason) =>
        reason.Contains("could not create any TCP/IP sockets", StringComparison.Ordinal) || reason.Contains("still in use", StringComparison.Ordinal);

    // Where it ran before, if that is free: a server that has outlived its Postgres looks for it there.
    private int Port() => home.LastPort() is { } last && IsFree(last) ? last : FreePort();

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LoggerMessage(3001, LogLevel.Warning, "The embedded Postgres in {Cluster} did not stop: {Reason}")]
    private partial void LogNotStopped(string cluster, string reason);
}
