using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Verbs where there is no database, or no folder that can be written: what they make, and what they say.</summary>
public sealed class NoDatabaseTests(PostgresFixture postgres)
{
    public static TheoryData<string> WhatMakesNone => new(
        "tokens health", "tokens list --json", "tokens test jibit", "tokens pause jibit", "tokens resume jibit", "logs show", "logs statistics", "schedule list", "schedule run daily-summary",
        "queue status", "queue flush --yes", "queue retry", "clients list", "clients revoke nosuch --yes", "users list", "users disable nosuch", "users remove nosuch --yes", "cache clear",
        "keys rotate", "notify test --to ops@example.com", "db status");

    [Theory]
    [MemberData(nameof(WhatMakesNone))]
    public async Task A_verb_about_what_must_be_there_makes_no_database_and_says_where_it_looked_and_how_to_name_another(string call)
    {
        await using var data = new DataFolder();

        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["ASPNETCORE_ENVIRONMENT"] = "Development", ["Data__Directory"] = data.Path }, call.Split(' '));

        (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
        var line = end.ErrorLines.ShouldHaveSingleItem();
        line.ShouldStartWith($"No database in {data.Path} (Data__Directory; ConnectionStrings__TokenRefresh is not set), and this verb does not create one.");
        line.ShouldContain("--Data:Directory=");
        line.ShouldContain("db migrate");
        data.Exists.ShouldBeFalse();
    }

    [Theory]
    [InlineData("tokens health")]
    [InlineData("users list")]
    [InlineData("schedule list")]
    [InlineData("tokens pause jibit")]
    public async Task A_given_database_that_no_server_has_used_stays_empty(string call)
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateDatabaseAsync();

        var end = await ServerProcess.RunAsync(data.VerbSettings(connectionString), call.Split(' '));

        (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain($"/{new NpgsqlConnectionStringBuilder(connectionString).Database} has no TokenRefresh tables");
        (await ScalarAsync<long>(connectionString, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")).ShouldBe(0);
        data.Exists.ShouldBeFalse();
    }

    [Theory]
    [InlineData("tokens health")]
    [InlineData("tokens pause jibit")]
    public async Task Without_the_key_file_of_the_server_no_other_key_is_made(string call)
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");
        settings.Remove("Encryption__MasterKey");

        var end = await ServerProcess.RunAsync(settings, call.Split(' '));

        (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain(Path.Combine(data.Path, "master.key"));
        File.Exists(Path.Combine(data.Path, "master.key")).ShouldBeFalse();
        (await ServerProcess.RunAsync(settings, "db", "status")).ExitCode.ShouldBe(0, "the schema can be looked at without a key");
    }

    [Fact]
    public async Task A_verb_that_only_reads_leaves_an_older_schema_as_it_is_and_names_what_is_pending()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        var settings = data.VerbSettings(connectionString);
        await ServerProcess.DoneAsync(settings, "db migrate");
        var last = await ScalarAsync<string>(connectionString, """DELETE FROM "__EFMigrationsHistory" WHERE migration_id = (SELECT max(migration_id) FROM "__EFMigrationsHistory") RETURNING migration_id""");

        var end = await ServerProcess.RunAsync(settings, "tokens", "health");

        (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain(last);
    }

    [Theory]
    [InlineData("users add olga --role admin")]
    [InlineData("clients add billing --tokens *")]
    public async Task A_verb_that_may_come_before_the_first_start_makes_the_database_and_says_so(string call)
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateDatabaseAsync());

        var first = await ServerProcess.RunAsync(settings, call.Split(' '));
        var second = await ServerProcess.RunAsync(settings, "clients", "add", "another", "--tokens", "*");

        first.ExitCode.ShouldBe(0, first.Error);
        first.Error.ShouldContain("Created the database: 127.0.0.1:");
        second.Error.ShouldNotContain("Created the database");
    }

    [Fact]
    public async Task Asked_to_a_verb_says_on_stderr_which_database_it_works_on()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        var settings = data.VerbSettings(connectionString);
        await ServerProcess.DoneAsync(settings, "db migrate");

        var quiet = await ServerProcess.RunAsync(settings, "tokens", "list", "--json");
        var verbose = await ServerProcess.RunAsync(settings, "tokens", "list", "--json", "--verbose");

        quiet.Error.ShouldBe("");
        verbose.ErrorLines.ShouldHaveSingleItem().ShouldMatch($@"^Database: 127\.0\.0\.1:\d+/{new NpgsqlConnectionStringBuilder(connectionString).Database}$");
        verbose.Out.ShouldBe(quiet.Out);
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_names_the_setting()
    {
        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = "/proc/nowhere" }, "--urls", "http://127.0.0.1:0");

        end.ExitCode.ShouldBe(1);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain("another Data__Directory");
    }

    [Fact]
    public async Task A_key_file_that_cannot_be_made_names_the_folder_and_both_settings()
    {
        var settings = new Dictionary<string, string> { ["Data__Directory"] = "/proc/nowhere", ["ConnectionStrings__TokenRefresh"] = await postgres.CreateDatabaseAsync() };

        var end = await ServerProcess.RunAsync(settings, "--urls", "http://127.0.0.1:0");

        end.ExitCode.ShouldBe(1);
        end.ErrorLines.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            line => line.ShouldContain("/proc/nowhere/master.key"), line => line.ShouldContain("Data__Directory"), line => line.ShouldContain("Encryption__MasterKey"));
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_written_is_said_at_the_start_of_a_server_that_does_not_need_it_yet()
    {
        await using var data = new DataFolder();
        var settings = new Dictionary<string, string>(data.VerbSettings(await postgres.CreateMigratedDatabaseAsync())) { ["Data__Directory"] = "/proc/nowhere" };

        await using var server = await ServerProcess.ServeAsync(settings);

        (await server.LineAsync("The data folder /proc/nowhere cannot be written")).ShouldContain("Data__Directory");
    }

    private static async Task<T> ScalarAsync<T>(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
