using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Databases that the program cannot work on, or only if it takes care: one line at the start and at verbs.</summary>
public sealed class UnusableDatabaseTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("Password", "wrong-planted", "password authentication failed", "Check the user and the password in ConnectionStrings__TokenRefresh.")]
    [InlineData("Username", "nobody_here", "(SQLSTATE 28", "ConnectionStrings__TokenRefresh")]
    [InlineData("Database", "nowhere", "database \"nowhere\" does not exist (SQLSTATE 3D000).", "CREATE DATABASE")]
    [InlineData("SSL Mode", "Require", "SSL", "ConnectionStrings__TokenRefresh")]
    public async Task A_connection_string_that_leads_nowhere_is_told_in_one_line(string key, string wrong, string said, string advice)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync()) { [key] = wrong }.ConnectionString);

        var line = await RealDatabases.RefusedAsync(settings);

        line.ShouldSatisfyAllConditions(told => told.ShouldContain(said), told => told.ShouldContain(advice), told => told.ShouldNotContain("wrong-planted"));
    }

    [Theory]
    [InlineData("statement_timeout=2s", "canceling statement due to statement timeout (SQLSTATE 57014)", "statement_timeout")]
    [InlineData("lock_timeout=2s", "canceling statement due to lock timeout (SQLSTATE 55P03)", "lock_timeout")]
    public async Task A_statement_that_the_role_may_not_wait_for_ends_in_one_line(string limit, string said, string advice)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var owner = new NpgsqlConnectionStringBuilder(await postgres.CreateMigratedDatabaseAsync()) { Pooling = false };
        await using var other = new NpgsqlConnection(owner.ConnectionString);
        await other.OpenAsync(TestContext.Current.CancellationToken);
        await using var holds = await other.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var held = new NpgsqlCommand("LOCK TABLE \"__EFMigrationsHistory\"", other))
        {
            await held.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        owner.Options = $"-c {limit}";
        var line = await RealDatabases.RefusedAsync(stub.Settings(data, owner.ConnectionString));

        line.ShouldSatisfyAllConditions(told => told.ShouldContain(said), told => told.ShouldContain(advice));
    }

    [Fact]
    public async Task Too_many_connections_are_waited_out_and_then_told_in_one_line_with_what_bounds_them()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var full = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync()) { Username = $"full_{Guid.NewGuid():N}" };
        await RealDatabases.ExecuteAsync(await postgres.CreateDatabaseAsync(), $"CREATE ROLE {full.Username} LOGIN PASSWORD '{full.Password}' CONNECTION LIMIT 0");

        var end = await ServerProcess.RunAsync(stub.Settings(data, full.ConnectionString), "users", "list");

        end.ExitCode.ShouldBe(1);
        end.ErrorLines[^1].ShouldContain("(SQLSTATE 53300). Raise max_connections in Postgres, or lower Maximum Pool Size in ConnectionStrings__TokenRefresh.");
    }

    [Theory]
    [InlineData("SQL_ASCII")]
    [InlineData("LATIN1")]
    [InlineData("WIN1252")]
    public async Task A_database_that_is_not_UTF8_is_refused_with_the_statement_that_makes_a_right_one(string encoding)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var wrong = await EncodedAsync(encoding);
        var settings = stub.Settings(data, wrong);

        var line = await RealDatabases.RefusedAsync(settings);

        line.ShouldContain($" is encoded in {encoding}; UTF8 is required.");
        (await RealDatabases.ScalarAsync<bool>(wrong, "SELECT to_regclass('tokens') IS NULL AND to_regnamespace('hangfire') IS NULL")).ShouldBeTrue("nothing was made");
        var right = new NpgsqlConnectionStringBuilder(wrong) { Database = $"right_{Guid.NewGuid():N}" };
        var from = line.IndexOf("CREATE DATABASE", StringComparison.Ordinal);
        await RealDatabases.ExecuteAsync(wrong, line[from..line.IndexOf('.', from)].Replace(" tokenrefresh ", $" {right.Database} ", StringComparison.Ordinal));
        settings[RealDatabases.Setting] = right.ConnectionString;
        (await ServerProcess.DoneAsync(settings, "db migrate")).ShouldStartWith("Applied ");
    }

    [Fact]
    public async Task A_move_into_a_database_that_is_not_UTF8_is_refused_before_anything_is_made_there()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");
        var target = await EncodedAsync("LATIN1");

        var refused = await ServerProcess.RunAsync(settings, "db", "move", target);

        refused.ExitCode.ShouldBe(1);
        refused.ErrorLines.ShouldHaveSingleItem().ShouldContain("is encoded in LATIN1; UTF8 is required.");
        (await RealDatabases.ScalarAsync<bool>(target, "SELECT to_regclass('tokens') IS NULL")).ShouldBeTrue();
    }

    [Theory]
    [InlineData("transaction", "")]
    [InlineData("transaction", "server_round_robin = 1")]
    [InlineData("statement", "")]
    public async Task Behind_a_pooler_that_keeps_no_sessions_the_start_is_refused_with_the_setting_that_keeps_them(string mode, string further)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        await using var pooler = await PgBouncer.StartAsync(await postgres.CreateDatabaseAsync(), mode, further);

        var line = await RealDatabases.RefusedAsync(stub.Settings(data, pooler.ConnectionString));

        line.ShouldSatisfyAllConditions(told => told.ShouldContain("PgBouncer"), told => told.ShouldContain("Set pool_mode = session"));
    }

    [Fact]
    public async Task Behind_a_pooler_that_keeps_sessions_tokens_are_refreshed_and_changes_elsewhere_are_heard()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var direct = await postgres.CreateMigratedDatabaseAsync();
        await using var pooler = await PgBouncer.StartAsync(direct, "session");
        var settings = stub.Settings(data, pooler.ConnectionString);
        var key = await ServerProcess.DoneAsync(settings, "clients add reader --tokens *");
        await using var server = await ServerProcess.ServeAsync(settings);
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        await server.UntilAsync(async () => (await server.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token served");
        var before = await server.Http.GetStringAsync("/api/tokens/jibit/access-token");

        await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token jibit --force --sync");

        await server.UntilAsync(async () => await server.Http.GetStringAsync("/api/tokens/jibit/access-token") != before, "the new token served, without a reload", TimeSpan.FromSeconds(30));
    }

    private async Task<string> EncodedAsync(string encoding)
    {
        var made = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        var name = $"encoded_{Guid.NewGuid():N}";
        await RealDatabases.ExecuteAsync(made.ConnectionString, $"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        made.Database = name;
        return made.ConnectionString;
    }
}
