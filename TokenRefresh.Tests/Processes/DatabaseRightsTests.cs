using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Roles that may not do everything, as the program meets them at the start and at verbs.</summary>
public sealed class DatabaseRightsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_role_that_may_make_nothing_works_on_a_schema_that_is_current()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");
        settings[RealDatabases.Setting] = await GuestAsync(settings[RealDatabases.Setting]);

        (await ServerProcess.DoneAsync(settings, "db migrate")).ShouldBe("The schema is up to date.");
        await ServerProcess.DoneAsync(settings, "users add olga --role viewer");
        await using var server = await ServerProcess.ServeAsync(settings);
        await server.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token fresh");
        await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token jibit --force");
        await server.UntilAsync(() => Task.FromResult(stub.Calls.Count > 1), "the forced refresh");
        await ServerProcess.DoneAsync(settings, "tokens health");
        (await server.StopAsync()).ExitCode.ShouldBe(0);
        server.Out.ShouldNotContain("permission denied");
    }

    [Fact]
    public async Task A_role_that_may_make_nothing_works_with_the_sandbox_that_was_made_with_the_schema()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        settings["Sandbox__Enabled"] = "true";
        await ServerProcess.DoneAsync(settings, "db migrate");
        settings[RealDatabases.Setting] = await GuestAsync(settings[RealDatabases.Setting]);

        (await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token fino --sync")).ShouldContain("fino: refreshed");
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task A_role_that_may_not_make_the_schema_is_told_what_to_grant_and_who_else_could_make_it(string sandbox)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await GuestAsync(await postgres.CreateDatabaseAsync()));
        settings["Sandbox__Enabled"] = sandbox;

        var line = await RealDatabases.MakersRefusedAsync(settings);

        var guest = new NpgsqlConnectionStringBuilder(settings[RealDatabases.Setting]);
        line.ShouldSatisfyAllConditions(
            told => told.ShouldContain("Run 'db migrate' once with the role that owns the tables"),
            told => told.ShouldContain($"GRANT CREATE ON DATABASE \"{guest.Database}\" TO \"{guest.Username}\"; GRANT CREATE ON SCHEMA \"public\" TO \"{guest.Username}\""));
    }

    [Fact]
    public async Task A_role_that_does_what_it_is_told_to_grant_makes_the_schema()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var owner = await postgres.CreateDatabaseAsync();
        var settings = stub.Settings(data, await GuestAsync(owner));
        var line = (await ServerProcess.RunAsync(settings, "db", "migrate")).ErrorLines.ShouldHaveSingleItem();

        await RealDatabases.ExecuteAsync(owner, line[line.IndexOf("GRANT", StringComparison.Ordinal)..].TrimEnd('.'));

        (await ServerProcess.DoneAsync(settings, "db migrate")).ShouldStartWith("Applied ");
    }

    [Theory]
    [InlineData("REVOKE USAGE ON SCHEMA public FROM PUBLIC, {0}", "GRANT USAGE ON SCHEMA public TO {0}")]
    [InlineData("REVOKE USAGE ON SCHEMA hangfire FROM {0}", "permission denied for schema hangfire (SQLSTATE 42501). The role needs USAGE")]
    [InlineData("REVOKE SELECT ON \"__EFMigrationsHistory\" FROM {0}", "permission denied for table __EFMigrationsHistory (SQLSTATE 42501). The role needs USAGE")]
    [InlineData("REVOKE ALL ON tokens FROM {0}", "permission denied for table tokens (SQLSTATE 42501). The role needs USAGE")]
    public async Task A_right_that_is_missing_is_told_in_one_line(string revoked, string told)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var owner = await postgres.CreateMigratedDatabaseAsync();
        var settings = stub.Settings(data, await GuestAsync(owner));
        var role = new NpgsqlConnectionStringBuilder(settings[RealDatabases.Setting]).Username;
        await RealDatabases.ExecuteAsync(owner, string.Format(System.Globalization.CultureInfo.InvariantCulture, revoked, role));

        (await RealDatabases.RefusedAsync(settings)).ShouldContain(string.Format(System.Globalization.CultureInfo.InvariantCulture, told, role));
    }

    /// <summary>A role that may read and write what there is, and make nothing.</summary>
    private static async Task<string> GuestAsync(string owner)
    {
        var guest = new NpgsqlConnectionStringBuilder(owner) { Username = $"guest_{Guid.NewGuid():N}", Password = "planted" };
        await RealDatabases.ExecuteAsync(
            owner,
            $"""
             CREATE ROLE {guest.Username} LOGIN PASSWORD 'planted';
             REVOKE CREATE ON SCHEMA public FROM PUBLIC;
             DO $$ DECLARE place text; BEGIN
               FOREACH place IN ARRAY ARRAY['public', 'hangfire', 'sandbox'] LOOP
                 IF to_regnamespace(place) IS NOT NULL THEN
                   EXECUTE format('GRANT USAGE ON SCHEMA %I TO {guest.Username}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO {guest.Username}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA %1$I TO {guest.Username}', place);
                 END IF;
               END LOOP;
             END $$;
             """);
        return guest.ConnectionString;
    }
}
