using System.Net;
using System.Net.Sockets;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A cluster that the run starts, stops, crashes and starves of disk, always at the same address. A supervisor starts it again when it ends unasked.</summary>
internal sealed class ChaosPostgres : IAsyncDisposable
{
    private const int Megabytes = 192;

    private readonly string home;
    private readonly RunAs runAs;
    private readonly PostgresBinaries binaries;
    private readonly Postmaster postmaster;
    private readonly Timeline timeline;
    private readonly int port;
    private readonly SemaphoreSlim hands = new(1);
    private readonly CancellationTokenSource stop = new();
    private bool isWanted;
    private Task supervising = Task.CompletedTask;

    private ChaosPostgres(string home, Timeline timeline)
    {
        (this.home, this.timeline) = (home, timeline);
        binaries = PostgresFinder.ThisMachine.Find(Environment.GetEnvironmentVariable("TOKENREFRESH_PG_BIN")) is [var first, ..]
            ? first
            : throw new InvalidOperationException($"There is no Postgres on this machine. {PostgresBinaries.Advice}");
        runAs = RunAs.For(home);
        postmaster = new(Cluster);
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        port = ((IPEndPoint)free.LocalEndpoint).Port;
    }

    /// <summary>True where the cluster has a file system of its own that can be filled.</summary>
    public bool HasOwnDisk { get; private set; }

    public string ConnectionString => $"Host=127.0.0.1;Port={port};Database=tokenrefresh;Username=tokenrefresh";

    private string Disk => Path.Combine(home, "disk");

    private string Cluster => Path.Combine(Disk, "cluster");

    private string Ballast => Path.Combine(Disk, "ballast");

    public static async Task<ChaosPostgres> StartAsync(string home, Timeline timeline)
    {
        Directory.CreateDirectory(home);
        var postgres = new ChaosPostgres(home, timeline);
        await postgres.CreateAsync();
        return postgres;
    }

    public async Task RestartAsync()
    {
        await WithHandsAsync(() => Control("restart", "-m", "fast"));
    }

    /// <summary>Stops it; nothing starts it again but <see cref="StartAgainAsync"/>.</summary>
    public Task StopAsync() => WithHandsAsync(() =>
    {
        isWanted = false;
        return Control("stop", "-m", "fast");
    });

    /// <summary>Ends it without a checkpoint, as a crash does; the supervisor starts it again.</summary>
    public Task CrashAsync() => WithHandsAsync(() => Control("stop", "-m", "immediate"));

    public async Task StartAgainAsync()
    {
        await WithHandsAsync(() =>
        {
            isWanted = true;
            return Start();
        });
    }

    /// <summary>Ends every connection but the one that asks.</summary>
    public async Task<long> CutAsync()
    {
        await using var db = NpgsqlDataSource.Create(ConnectionString + ";Pooling=false");
        return (long)(await db.CreateCommand(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'").ExecuteScalarAsync())!;
    }

    /// <summary>Leaves no byte free on the cluster's disk.</summary>
    public void FillDisk()
    {
        var block = new byte[64 * 1024];
        using var ballast = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var size = block.Length; size >= 4096;)
        {
            try
            {
                ballast.Write(block, 0, size);
            }
            catch (IOException)
            {
                size /= 2;
            }
        }
    }

    public void FreeDisk() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await supervising;
        NpgsqlConnection.ClearAllPools();
        Control("stop", "-m", "immediate");
        if (HasOwnDisk)
        {
            Commands.Run("umount", [Disk]);
        }

        hands.Dispose();
        stop.Dispose();
    }

    private async Task CreateAsync()
    {
        Directory.CreateDirectory(Disk);
        HasOwnDisk = Commands.Run("mount", ["-t", "tmpfs", "-o", $"size={Megabytes}m,mode=0755", "tmpfs", Disk]).Succeeded;
        runAs.Own(home);

        // Short pieces of write-ahead log, so that a full disk is met at once and not after the next sixteen megabytes.
        var made = runAs.Run(binaries.Program("initdb"), "-D", Cluster, "-U", "tokenrefresh", "--auth=trust", "--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-instructions");
        if (!made.Succeeded)
        {
            throw new InvalidOperationException($"No cluster: {made.Complaint}");
        }

        await File.AppendAllLinesAsync(Path.Combine(Cluster, "postgresql.conf"),
        [
            "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", $"port = {port}", "max_connections = 200", "timezone = 'UTC'",
            "shared_buffers = 32MB", "min_wal_size = 2MB", "max_wal_size = 4MB",
        ]);
        isWanted = true;
        if (Start() is { Succeeded: false } failed)
        {
            throw new InvalidOperationException($"The cluster does not start: {failed.LastLine}");
        }

        await using (var db = NpgsqlDataSource.Create(ConnectionString.Replace("Database=tokenrefresh", "Database=postgres;Pooling=false", StringComparison.Ordinal)))
        {
            await db.CreateCommand("CREATE DATABASE tokenrefresh").ExecuteNonQueryAsync();
        }

        supervising = SuperviseAsync();
    }

    private async Task SuperviseAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None);
            if (!isWanted || postmaster.IsAlive())
            {
                continue;
            }

            await WithHandsAsync(() =>
            {
                if (!isWanted || postmaster.IsAlive())
                {
                    return null;
                }

                timeline.Tell("Postgres had ended; its supervisor starts it");
                var started = Start();
                if (!started.Succeeded)
                {
                    timeline.Tell("Postgres does not start");
                }

                return started;
            });
        }
    }

    private async Task WithHandsAsync(Func<CommandResult?> act)
    {
        await hands.WaitAsync();
        try
        {
            await Task.Run(act);
        }
        finally
        {
            hands.Release();
        }
    }

    private CommandResult Start()
    {
        postmaster.ForgetDead();
        return Control("start", "-l", Path.Combine(home, "server.log"));
    }

    private CommandResult Control(params string[] words) => runAs.Run(binaries.Program("pg_ctl"), [.. words, "-D", Cluster, "-w", "-t", "30"]);
}
