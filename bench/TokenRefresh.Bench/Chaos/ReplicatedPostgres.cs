using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A primary and its streaming replica behind one address. A failover promotes the replica, which may lack what the primary committed last.</summary>
internal sealed class ReplicatedPostgres : IAsyncDisposable
{
    private readonly string home;
    private readonly RunAs runAs;
    private readonly PostgresBinaries binaries;
    private readonly Relay address = new();
    private readonly Relay replication = new();
    private Server primary;
    private Server replica;
    private int clusters;

    private ReplicatedPostgres(string home)
    {
        this.home = home;
        binaries = PostgresFinder.ThisMachine.Find(Environment.GetEnvironmentVariable("TOKENREFRESH_PG_BIN")).FirstOrDefault(found => File.Exists(found.Program("pg_basebackup")))
            ?? throw new InvalidOperationException($"There is no Postgres with pg_basebackup on this machine. {PostgresBinaries.Advice}");
        runAs = RunAs.For(home);
        primary = replica = Next();
    }

    public string ConnectionString => $"Host=127.0.0.1;Port={address.Port};Database=tokenrefresh;Username=tokenrefresh";

    public static async Task<ReplicatedPostgres> StartAsync(string home)
    {
        Directory.CreateDirectory(home);
        var postgres = new ReplicatedPostgres(home);
        await postgres.CreateAsync();
        return postgres;
    }

    /// <summary>From now on nothing that the primary commits reaches the replica.</summary>
    public void StopReplication() => replication.Cut();

    /// <summary>Kills the primary, promotes the replica as it is, and cuts every connection. Ends once the new primary takes connections and has a replica of its own.</summary>
    /// <returns>How many bytes of write-ahead log were lost with the old primary.</returns>
    public async Task<long> FailOverAsync()
    {
        var lost = await NumberAsync(primary, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint") - await NumberAsync(replica, "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint");
        address.Cut();
        Control(primary, "stop", "-m", "immediate");
        Directory.Delete(primary.Folder, recursive: true);
        Must(Control(replica, "promote"), "The replica is not promoted");
        primary = replica;
        address.To(primary.Port);
        await ReplicateAsync();
        return lost;
    }

    public async ValueTask DisposeAsync()
    {
        await address.DisposeAsync();
        await replication.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        Control(replica, "stop", "-m", "immediate");
        Control(primary, "stop", "-m", "immediate");
    }

    private async Task CreateAsync()
    {
        runAs.Own(home);
        Must(runAs.Run(binaries.Program("initdb"), "-D", primary.Folder, "-U", "tokenrefresh", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"), "No cluster");
        await File.AppendAllLinesAsync(Path.Combine(primary.Folder, "postgresql.conf"),
            ["listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 200", "timezone = 'UTC'", "shared_buffers = 32MB", "wal_receiver_timeout = '5s'", "wal_retrieve_retry_interval = '200ms'"]);
        await StartAsync(primary);
        await using (var db = NpgsqlDataSource.Create(DirectString(primary, "postgres")))
        {
            await db.CreateCommand("CREATE DATABASE tokenrefresh").ExecuteNonQueryAsync();
        }

        address.To(primary.Port);
        await ReplicateAsync();
    }

    private async Task ReplicateAsync()
    {
        replication.To(primary.Port);
        replica = Next();
        Must(
            runAs.Run(
                binaries.Program("pg_basebackup"), "-D", replica.Folder, "-h", "127.0.0.1", "-p", replication.Port.ToString(CultureInfo.InvariantCulture),
                "-U", "tokenrefresh", "-X", "stream", "-c", "fast", "-R"),
            "No replica");
        await StartAsync(replica);
        await WaitFor.TrueAsync(async () => await NumberAsync(primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") > 0, "the replica follows");
    }

    private async Task StartAsync(Server server)
    {
        await File.AppendAllLinesAsync(Path.Combine(server.Folder, "postgresql.auto.conf"), [$"port = {server.Port}"]);
        Must(Control(server, "start", "-l", $"{server.Folder}.log"), "The cluster does not start");
    }

    private Server Next()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        return new(Path.Combine(home, string.Create(CultureInfo.InvariantCulture, $"cluster{++clusters}")), ((IPEndPoint)free.LocalEndpoint).Port);
    }

    private static async Task<long> NumberAsync(Server server, string sql)
    {
        await using var db = NpgsqlDataSource.Create(DirectString(server, "postgres"));
        return (long)(await db.CreateCommand(sql).ExecuteScalarAsync())!;
    }

    private static string DirectString(Server server, string database) => $"Host=127.0.0.1;Port={server.Port};Database={database};Username=tokenrefresh;Pooling=false";

    private CommandResult Control(Server server, params string[] words) => runAs.Run(binaries.Program("pg_ctl"), [.. words, "-D", server.Folder, "-w", "-t", "30"]);

    private static void Must(CommandResult result, string complaint)
    {
        if (!result.Succeeded)
        {
            throw new InvalidOperationException($"{complaint}: {result.Complaint}");
        }
    }

    private sealed record Server(string Folder, int Port);
}
