using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Where the program's tables are, whatever the search path says today.</summary>
public sealed class SchemaPlacesTests(PostgresFixture postgres)
{
    private const string OwnSchema = "DO $$ BEGIN EXECUTE format('CREATE SCHEMA AUTHORIZATION %I', current_user); END $$";
    private const string Sets = "SELECT count(*) FROM pg_tables WHERE tablename IN ('operators', 'tokens', '__EFMigrationsHistory', '__operators_migrations')";

    [Fact]
    public async Task A_new_schema_earlier_in_the_search_path_makes_no_second_set_of_tables_and_no_first_password()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateDatabaseAsync());
        await using (var first = await ServerProcess.ServeAsync(settings))
        {
            await first.LineAsync("  sign in ");
            (await first.StopAsync()).ExitCode.ShouldBe(0);
        }

        await RealDatabases.ExecuteAsync(settings[RealDatabases.Setting], OwnSchema);

        (await ServerProcess.DoneAsync(settings, "users list")).ShouldContain("admin");
        await using var second = await ServerProcess.ServeAsync(settings);
        await second.LineAsync("  tokens ");
        (await second.StopAsync()).Out.ShouldNotContain("  sign in ");
        (await RealDatabases.ScalarAsync<long>(settings[RealDatabases.Setting], Sets)).ShouldBe(4);
    }

    [Fact]
    public async Task A_schema_that_is_not_public_and_has_to_be_quoted_is_found_again_even_when_it_has_left_the_search_path()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var given = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        await RealDatabases.ExecuteAsync(given.ConnectionString, "CREATE SCHEMA \"Our \"\"own\"");
        given.SearchPath = "\"Our \"\"own\", public";
        var settings = stub.Settings(data, given.ConnectionString);
        await ServerProcess.DoneAsync(settings, "users add olga --role viewer");
        given.SearchPath = "public";
        settings[RealDatabases.Setting] = given.ConnectionString;

        (await ServerProcess.DoneAsync(settings, "users list")).ShouldContain("olga");
        (await ServerProcess.DoneAsync(settings, "db migrate")).ShouldBe("The schema is up to date.");
        (await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token jibit --sync")).ShouldContain("jibit: refreshed");
        (await RealDatabases.ScalarAsync<long>(given.ConnectionString, $"{Sets} AND schemaname = 'Our \"own'")).ShouldBe(4);
        (await RealDatabases.ScalarAsync<long>(given.ConnectionString, Sets)).ShouldBe(4);
    }

    [Theory]
    [InlineData("ALTER TABLE operators SET SCHEMA other; ALTER TABLE __operators_migrations SET SCHEMA other", "tokens in public, operators in other")]
    [InlineData("ALTER TABLE operators SET SCHEMA other", "in the schema public, but other.operators are elsewhere")]
    [InlineData("ALTER TABLE tokens SET SCHEMA other", "in the schema public, but other.tokens are elsewhere")]
    [InlineData("ALTER TABLE hangfire.job SET SCHEMA other", "in the schema hangfire, but other.job are elsewhere")]
    [InlineData("INSERT INTO hangfire.hash (key, field, value) VALUES ('recurring-job:due-token-refresh', 'Cron', ''); ALTER SCHEMA hangfire RENAME TO parked", "ALTER SCHEMA parked RENAME TO hangfire")]
    [InlineData("DROP TABLE hangfire.jobparameter", "The schema hangfire has no jobparameter")]
    [InlineData("CREATE TABLE other.master_key_mark (); ALTER ROLE CURRENT_USER IN DATABASE here SET search_path = other, public", "tokens in other, tokens in public")]
    public async Task Parts_in_different_schemas_refuse_the_start(string change, string told)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        var name = new NpgsqlConnectionStringBuilder(settings[RealDatabases.Setting]).Database;
        await RealDatabases.ExecuteAsync(settings[RealDatabases.Setting], $"CREATE SCHEMA other; {change.Replace(" here ", $" \"{name}\" ", StringComparison.Ordinal)}");

        (await RealDatabases.RefusedAsync(settings)).ShouldContain(told);
    }

    [Fact]
    public async Task A_copy_beside_the_search_path_is_nobodys_and_of_two_whole_sets_in_it_the_search_path_of_the_setting_chooses()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var given = new NpgsqlConnectionStringBuilder(await postgres.CreateMigratedDatabaseAsync());
        await RealDatabases.ExecuteAsync(
            given.ConnectionString,
            """
            CREATE SCHEMA copy;
            DO $$ DECLARE name text; BEGIN
              FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                EXECUTE format('CREATE TABLE copy.%I (LIKE public.%1$I INCLUDING ALL); INSERT INTO copy.%1$I SELECT * FROM public.%1$I', name);
              END LOOP;
            END $$;
            """);
        var settings = stub.Settings(data, given.ConnectionString);
        await ServerProcess.DoneAsync(settings, "users add olga --role viewer");
        settings[RealDatabases.Setting] = new NpgsqlConnectionStringBuilder(given.ConnectionString) { SearchPath = "copy" }.ConnectionString;
        await ServerProcess.DoneAsync(settings, "users add pia --role viewer");
        settings[RealDatabases.Setting] = new NpgsqlConnectionStringBuilder(given.ConnectionString) { SearchPath = "copy, public" }.ConnectionString;

        (await RealDatabases.RefusedAsync(settings)).ShouldContain("select one with 'Search Path=…' in ConnectionStrings__TokenRefresh");
        (await RealDatabases.ScalarAsync<string>(given.ConnectionString, "SELECT (SELECT string_agg(user_name, ' ') FROM public.operators) || ' ' || (SELECT string_agg(user_name, ' ') FROM copy.operators)")).ShouldBe("olga pia");
    }

    [Fact]
    public async Task A_search_path_that_leads_to_no_schema_is_told_in_one_line()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var nowhere = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync()) { SearchPath = "nowhere" };

        (await RealDatabases.RefusedAsync(stub.Settings(data, nowhere.ConnectionString))).ShouldContain("none of the search path (nowhere) exists");
    }

    [Fact]
    public async Task A_move_leads_from_one_schema_into_another()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "users add olga --role viewer");
        await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token jibit --sync");
        var target = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        await RealDatabases.ExecuteAsync(target.ConnectionString, "CREATE SCHEMA \"Our own\"");
        target.SearchPath = "\"Our own\"";

        var moved = await ServerProcess.RunAsync(settings, "db", "move", target.ConnectionString);

        moved.ExitCode.ShouldBe(0, moved.Error);
        settings[RealDatabases.Setting] = target.ConnectionString;
        (await ServerProcess.DoneAsync(settings, "users list")).ShouldContain("olga");
        (await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token jibit --force --sync")).ShouldContain("jibit: refreshed");
        (await RealDatabases.ScalarAsync<long>(target.ConnectionString, Sets)).ShouldBe(4);
    }
}
