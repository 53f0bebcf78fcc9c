using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>The move to another Postgres by the verb that people call.</summary>
public sealed class DatabaseMoveTests(PostgresFixture postgres)
{
    private const string Database = "ConnectionStrings__TokenRefresh";

    [Fact]
    public async Task What_was_moved_goes_on_at_the_new_place_as_if_it_had_always_been_there()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await DoneAsync(settings, "tokens auto-refresh --token jibit --sync");
        await DoneAsync(settings, "tokens auto-refresh --token jibit");
        var target = await postgres.CreateDatabaseAsync();

        var moved = await ServerProcess.RunWithInputAsync(settings, target, "db", "move", "-");

        moved.ExitCode.ShouldBe(0, moved.Error);
        moved.Out.ShouldContain("Never start on");
        moved.Out.ShouldNotContain(new NpgsqlConnectionStringBuilder(target).Password!);
        foreach (var table in new[] { "token_refresh_logs", "token_refresh_hours", "tokens", "hangfire.job", "hangfire.state" })
        {
            var rows = $"SELECT coalesce(string_agg(row::text, ';' ORDER BY row::text), '') FROM {table} row";
            (await ScalarAsync<string>(target, rows)).ShouldBe(await ScalarAsync<string>(settings[Database], rows), table);
        }

        settings[Database] = target;
        (await DoneAsync(settings, "tokens test jibit")).ShouldContain("accepted (HTTP 200");
        (await DoneAsync(settings, "tokens auto-refresh --token jibit --force --sync")).ShouldContain("jibit: refreshed");
        (await DoneAsync(settings, "db status")).ShouldContain("pending   none");
        (await ScalarAsync<long>(target, "SELECT count(*) FROM audit_log WHERE action = 'db.moved'")).ShouldBe(1);
        (await ScalarAsync<long>(target, "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")).ShouldBe(0);
    }

    [Fact]
    public async Task A_database_at_which_a_server_works_is_not_moved()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await using var server = await ServerProcess.ServeAsync(settings);
        var target = await postgres.CreateDatabaseAsync();

        var refused = await ServerProcess.RunAsync(settings, "db", "move", target);

        refused.ExitCode.ShouldBe(1);
        refused.ErrorLines.ShouldHaveSingleItem().ShouldContain("Stop every node");
        (await ScalarAsync<bool>(target, "SELECT to_regclass('public.tokens') IS NULL")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_node_that_starts_during_the_move_undoes_it()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await DoneAsync(settings, "tokens auto-refresh --token jibit --sync");
        var target = await postgres.CreateMigratedDatabaseAsync();
        await DoneAsync(new(settings) { [Database] = target }, "db migrate");
        await using var from = await NpgsqlDataSource.Create(settings[Database]).OpenConnectionAsync();
        await using var to = await NpgsqlDataSource.Create(target).OpenConnectionAsync();
        await using var node = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(settings[Database]) { ApplicationName = "TokenRefresh", Pooling = false }.ConnectionString);

        var move = new DatabaseMove(new(from, "public"), new(to, "public"), TimeProvider.System).RunAsync(
            _ =>
            {
                if (node.State == System.Data.ConnectionState.Closed)
                {
                    node.Open();
                }
            },
            CancellationToken.None);

        (await Should.ThrowAsync<DatabaseMoveException>(move)).Message.ShouldContain("Stop every node");
        (await ScalarAsync<long>(target, "SELECT count(*) FROM token_refresh_logs")).ShouldBe(0);
    }

    [Fact]
    public async Task A_database_that_no_server_has_used_is_not_moved()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateDatabaseAsync());
        settings["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]);

        var refused = await ServerProcess.RunAsync(settings, "db", "move", await postgres.CreateDatabaseAsync());

        refused.ExitCode.ShouldBe(1);
        refused.ErrorLines.ShouldHaveSingleItem().ShouldContain("nothing to move");
    }

    [Fact]
    public async Task A_target_that_holds_anything_is_refused()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await DoneAsync(settings, "tokens auto-refresh --token jibit --sync");
        var foreign = await postgres.CreateDatabaseAsync();
        await ScalarAsync<object>(foreign, "CREATE TABLE theirs (); SELECT 1");

        foreach (var target in new[] { foreign, settings[Database] })
        {
            var refused = await ServerProcess.RunAsync(settings, "db", "move", target);
            (refused.ExitCode, refused.ErrorLines.Length).ShouldBe((1, 1), refused.Error);
        }

        (await ScalarAsync<bool>(foreign, "SELECT to_regclass('public.tokens') IS NULL")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_move_with_another_master_key_changes_nothing_and_can_be_made_with_the_right_one()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await DoneAsync(settings, "db migrate");
        var target = await postgres.CreateDatabaseAsync();
        var other = new Dictionary<string, string>(settings) { ["Encryption__MasterKey"] = Convert.ToBase64String(Enumerable.Repeat((byte)7, 32).ToArray()) };

        var refused = await ServerProcess.RunAsync(other, "db", "move", target);

        refused.ExitCode.ShouldBe(1, refused.Out);
        refused.ErrorLines[^1].ShouldContain("Encryption__MasterKey");
        (await ServerProcess.RunAsync(settings, "db", "move", target)).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_user_who_may_not_make_tables_in_the_target_is_told_so()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await DoneAsync(settings, "db migrate");
        var target = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        var guest = $"guest_{Guid.NewGuid():N}";
        await ScalarAsync<object>(target.ConnectionString, $"CREATE ROLE {guest} LOGIN PASSWORD 'planted'; SELECT 1");
        (target.Username, target.Password) = (guest, "planted");

        var refused = await ServerProcess.RunAsync(settings, "db", "move", target.ConnectionString);

        refused.ExitCode.ShouldBe(1);
        refused.ErrorLines.ShouldHaveSingleItem().ShouldContain("must own the empty database");
        refused.Error.ShouldNotContain("planted");
    }

    [Theory]
    [InlineData("planted")]
    [InlineData("Host=;Password=planted")]
    [InlineData("Host=x;Port=planted;Database=y")]
    [InlineData("host=x dbname=y password=planted")]
    [InlineData("jdbc:postgresql://x/y?password=planted")]
    [InlineData("postgres://ada:planted@x:y/z")]
    public async Task What_is_no_connection_string_is_refused_and_not_repeated(string target)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());

        var refused = await ServerProcess.RunAsync(settings, "db", "move", target);

        refused.ExitCode.ShouldBe(2);
        refused.Error.ShouldNotContain("planted");
    }

    [Theory]
    [InlineData("db move host=x dbname=y password=planted")]
    [InlineData("db status postgres://ada:planted@x/y")]
    [InlineData("tokens health --password=planted")]
    public async Task What_a_shell_took_apart_is_refused_and_not_repeated(string call)
    {
        var refused = await ServerProcess.RunAsync(new Dictionary<string, string>(), call.Split(' '));

        refused.ExitCode.ShouldBe(2);
        (refused.Out + refused.Error).ShouldNotContain("planted");
    }

    [Fact]
    public async Task The_target_of_a_move_can_be_an_address()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await DoneAsync(settings, "db migrate");
        var target = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());

        var moved = await ServerProcess.RunWithInputAsync(settings, $"postgres://{target.Username}:{target.Password}@{target.Host}:{target.Port}/{target.Database}\n", "db", "move", "-");

        moved.ExitCode.ShouldBe(0, moved.Error);
        moved.Out.ShouldContain($"Everything is in {target.Host}:{target.Port}/{target.Database}.");
        (moved.Out + moved.Error).ShouldNotContain(target.Password!);
    }

    private static async Task<string> DoneAsync(Dictionary<string, string> settings, string call)
    {
        var end = await ServerProcess.RunAsync(settings, call.Split(' '));
        end.ExitCode.ShouldBe(0, $"{call}: {end.Error}{end.Out}");
        return end.Out;
    }

    private static async Task<T> ScalarAsync<T>(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
