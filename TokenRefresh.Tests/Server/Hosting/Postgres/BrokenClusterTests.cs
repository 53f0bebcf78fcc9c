using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Tests.Server.Hosting.Postgres;

/// <summary>What a kill, a careless hand or another user may have left behind.</summary>
public sealed class BrokenClusterTests : IDisposable
{
    // Well below the minute for which a busy lock is waited for.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly string folder = Path.Combine(Path.GetTempPath(), $"tokenrefresh-broken-{Guid.NewGuid():N}");

    private string Home => Path.Combine(folder, "postgres");

    private string Cluster => Path.Combine(Home, "cluster");

    [Fact]
    public async Task A_password_whose_writing_was_killed_is_made_anew()
    {
        Lay(Home);
        await File.WriteAllTextAsync(Path.Combine(Home, "password"), "");

        await using var postgres = await StartAsync();

        new NpgsqlConnectionStringBuilder(postgres.ConnectionString).Password!.Length.ShouldBe(64);
    }

    [Fact]
    public async Task A_home_that_was_made_but_not_yet_handed_over_is_used()
    {
        Directory.CreateDirectory(Home);

        await using var postgres = await StartAsync();

        postgres.ConnectionString.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_cluster_without_its_version_is_not_overwritten_and_is_named()
    {
        Lay(Cluster);
        await File.WriteAllTextAsync(Path.Combine(Cluster, "kept"), "");

        var refusal = await Should.ThrowAsync<EmbeddedPostgresException>(StartAsync);

        refusal.Message.ShouldContain($"{Cluster} does not contain a complete cluster");
        File.Exists(Path.Combine(Cluster, "kept")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_garbled_version_is_one_clear_line()
    {
        Lay(Cluster);
        await File.WriteAllTextAsync(Path.Combine(Cluster, "PG_VERSION"), "\0\0");

        (await Should.ThrowAsync<EmbeddedPostgresException>(StartAsync)).Message.ShouldContain($"{Cluster} does not contain a complete cluster");
    }

    [Fact]
    public async Task Leaving_a_cluster_whose_folder_was_deleted_neither_waits_nor_throws()
    {
        var postgres = await StartAsync();
        using (var postmaster = Process.GetProcessById(int.Parse(File.ReadLines(Path.Combine(Cluster, "postmaster.pid")).First(), CultureInfo.InvariantCulture)))
        {
            postmaster.Kill();
            await postmaster.WaitForExitAsync();
        }

        Directory.Delete(folder, recursive: true);

        await postgres.DisposeAsync().AsTask().WaitAsync(Bound);
    }

    [Fact]
    public async Task A_lock_that_cannot_be_made_is_told_at_once_and_not_waited_for()
    {
        Lay(Home);
        Directory.CreateDirectory(Path.Combine(Home, "start.lock"));

        await Should.ThrowAsync<EmbeddedPostgresException>(() => StartAsync().WaitAsync(Bound));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_changed_password_is_told_at_once_and_leaves_no_further_server(bool runs)
    {
        var first = await StartAsync();
        var password = await File.ReadAllTextAsync(Path.Combine(Home, "password"));
        if (!runs)
        {
            await first.DisposeAsync();
        }

        await File.WriteAllTextAsync(Path.Combine(Home, "password"), "another");
        (await Should.ThrowAsync<EmbeddedPostgresException>(() => StartAsync().WaitAsync(Bound))).Message.ShouldContain("password");

        File.Exists(Path.Combine(Cluster, "postmaster.pid")).ShouldBe(runs);
        await File.WriteAllTextAsync(Path.Combine(Home, "password"), password);
        await first.DisposeAsync();
    }

    [Fact]
    public async Task The_reason_of_a_failed_start_is_this_starts_own()
    {
        await using (await StartAsync())
        {
        }

        await File.AppendAllTextAsync(Path.Combine(Home, "server.log"), "FATAL:  of last week\n");
        await File.AppendAllTextAsync(Path.Combine(Cluster, "postgresql.conf"), "shared_preload_libraries = 'no_such_library'\n");

        (await Should.ThrowAsync<EmbeddedPostgresException>(StartAsync)).Message.ShouldContain("no_such_library");
    }

    [Fact]
    public async Task A_long_log_is_put_aside_at_the_start()
    {
        await using (await StartAsync())
        {
        }

        await using (var log = File.OpenWrite(Path.Combine(Home, "server.log")))
        {
            log.SetLength(11 * 1024 * 1024);
        }

        await using var again = await StartAsync();

        new FileInfo(Path.Combine(Home, "server.log")).Length.ShouldBeLessThan(1024 * 1024);
        File.Exists(Path.Combine(Home, "server.log.old")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_cluster_that_moved_out_of_a_closed_folder_stays_there_when_the_folder_is_opened()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && OperatingSystem.IsLinux(), "Only root runs Postgres as another user.");
        Lay(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var first = await StartAsync();
        var described = first.Description;
        await first.DisposeAsync();
        described.ShouldContain("/var/lib/tokenrefresh/");
        Lay(folder);

        await using (var again = await StartAsync())
        {
            again.Description.ShouldBe(described);
        }

        var place = described[described.IndexOf('/', StringComparison.Ordinal)..];
        Directory.Delete(Path.Combine(place, "..", ".."), recursive: true);
    }

    [Fact]
    public async Task A_program_that_leaves_a_child_with_its_pipes_behind_is_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The child here is a shell's.");

        var run = await Task.Run(() => Commands.Run("sh", ["-c", $"sleep 60 & echo $! > {folder}; exit 3"])).WaitAsync(Bound);

        run.ExitCode.ShouldBe(3);
        using (var child = Process.GetProcessById(int.Parse(await File.ReadAllTextAsync(folder), CultureInfo.InvariantCulture)))
        {
            child.Kill();
        }

        File.Delete(folder);
    }

    [Fact]
    public void A_failed_program_is_quoted_with_its_reason_and_not_with_its_tidying_up() => new CommandResult(1, """
            creating configuration files ... ok
            FATAL:  could not write to file "pg_wal/xlogtemp.7": No space left on device
            child process exited with exit code 1
            initdb: removing data directory "/data/postgres/cluster.part"
            """).Complaint.ShouldBe("FATAL:  could not write to file \"pg_wal/xlogtemp.7\": No space left on device");

    [Fact]
    public void A_full_disk_is_told_and_not_what_came_of_it() => new CommandResult(1, """
            FATAL:  could not write to file "pg_wal/xlogtemp.7": No space left on device
            PANIC:  cannot abort transaction 1, it was already committed
            """).Complaint.ShouldEndWith("No space left on device");

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // As root the cluster runs as another user, who must get into what a test has laid out.
    private void Lay(string deepest, UnixFileMode mode = (UnixFileMode)0b111_111_111)
    {
        Directory.CreateDirectory(deepest);
        for (var part = deepest; part.Length >= folder.Length && !OperatingSystem.IsWindows(); part = Path.GetDirectoryName(part)!)
        {
            File.SetUnixFileMode(part, mode);
        }
    }

    private Task<EmbeddedPostgres> StartAsync() => EmbeddedPostgres.StartAsync(
        new(folder, null) { ExtraSettings = ["fsync = off"] }, NullLogger.Instance, TimeProvider.System, CancellationToken.None);
}
