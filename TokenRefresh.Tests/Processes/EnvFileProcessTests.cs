using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>What a <c>.env</c> file that is not as it should be does to a start and to a verb.</summary>
public sealed class EnvFileProcessTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("# fine\n\nEncryption__MasterKey=\"planted-secret\n", 3, "Encryption__MasterKey")]
    [InlineData("Providers__Jibit__ApiKey planted-secret\n", 1, "Providers__Jibit__ApiKey")]
    [InlineData("A=1\r\nProviders:Jibit:ApiKey=planted-secret\r\n", 2, "Providers:Jibit:ApiKey")]
    [InlineData("Provider__Jibit__ApiKey: planted-secret\n", 1, "Provider__Jibit__ApiKey:")]
    [InlineData("ADMIN_EMAIL 'planted-secret\n", 1, "ADMIN_EMAIL")]
    public async Task A_setting_of_ours_that_cannot_be_read_stops_a_start_and_is_named_by_its_line_and_key_and_not_by_its_value(string text, int line, string key)
    {
        await using var data = new DataFolder();
        using var folder = new EnvFolder(text);
        var settings = new Dictionary<string, string> { ["Data__Directory"] = data.Path, ["PWD"] = folder.Path };

        foreach (var end in new[] { await ServerProcess.RunAsync(settings, "tokens", "health"), await ServerProcess.RunAsync(settings, "--urls", "http://127.0.0.1:0") })
        {
            (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
            end.ErrorLines.ShouldHaveSingleItem().ShouldStartWith($"{folder.File}, line {line}: {key} cannot be read: ");
            end.Error.ShouldNotContain("planted");
            data.Exists.ShouldBeFalse();
        }
    }

    [Fact]
    public async Task A_line_that_is_not_ours_and_cannot_be_read_is_named_and_passed_over()
    {
        await using var data = new DataFolder();
        using var folder = new EnvFolder("just words planted-secret\nTheirs=\"never closed\nTokenRefresh__Queue__Name=mine\n");
        var settings = new Dictionary<string, string>(data.VerbSettings(await postgres.CreateMigratedDatabaseAsync())) { ["PWD"] = folder.Path };

        var end = await ServerProcess.RunAsync(settings, "db", "migrate");

        end.ExitCode.ShouldBe(0, end.Error);
        end.ErrorLines.Length.ShouldBe(2, end.Error);
        end.ErrorLines[0].ShouldContain($"{folder.File}, line 1 cannot be read and is skipped");
        end.ErrorLines[1].ShouldContain($"{folder.File}, line 2 cannot be read and is skipped");
        end.Error.ShouldNotContain("planted");
    }

    [Fact]
    public async Task A_setting_of_the_env_file_is_checked_like_any_other()
    {
        await using var data = new DataFolder();
        using var folder = new EnvFolder("TokenRefresh__Queue__Workers=0\n");

        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path, ["PWD"] = folder.Path }, "tokens", "health");

        (end.ExitCode, data.Exists).ShouldBe((2, false));
        end.ErrorLines.ShouldHaveSingleItem().ShouldBe("TokenRefresh__Queue__Workers = '0' is not allowed: a number from 1 to 100.");
    }

    [Fact]
    public async Task A_value_that_is_cut_at_a_dollar_is_warned_of_by_a_starting_server_without_the_value()
    {
        await using var data = new DataFolder();
        using var folder = new EnvFolder("Email__Password=planted$ecret\n");
        var settings = new Dictionary<string, string>(data.VerbSettings(await postgres.CreateMigratedDatabaseAsync())) { ["PWD"] = folder.Path };

        await using var server = await ServerProcess.ServeAsync(settings);

        server.Out.ShouldContain($"{folder.File}, line 1: the value of Email__Password is cut at a $");
        (server.Out + server.Error).ShouldNotContain("planted");
        (server.Out + server.Error).ShouldNotContain("ecret");
    }

    private sealed class EnvFolder : IDisposable
    {
        private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("tokenrefresh-env-");

        public EnvFolder(string text) => System.IO.File.WriteAllText(File, text);

        public string Path => folder.FullName;

        public string File => System.IO.Path.Combine(folder.FullName, ".env");

        public void Dispose() => folder.Delete(recursive: true);
    }
}
