using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>The database ends the connection in the middle of the commit of a change, as at a fail-over.</summary>
public sealed class LostChangeTests(PostgresFixture postgres)
{
    private const string Lose =
        """
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER lose_change AFTER INSERT ON audit_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.subject = 'acme') EXECUTE FUNCTION lose();
        """;

    [Fact]
    public async Task Program_and_verb_hear_that_nothing_was_changed_nothing_is_stored_and_the_change_can_be_repeated()
    {
        await using var data = new DataFolder();
        var database = await postgres.CreateMigratedDatabaseAsync();
        await using var server = await RunningServer.StartAsync(postgres, database);
        var keys = server.Services.GetRequiredService<ClientKeys>();
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", await keys.IssueAsync("manager", "*", "a test", CancellationToken.None, string.Join(',', ClientActs.All)));
        await keys.ReloadAsync(CancellationToken.None);
        await ExecuteAsync(database, Lose);

        var answer = await PutAsync(server.Http);
        var verb = await VerbAsync(data.VerbSettings(database));
        await ExecuteAsync(database, "DROP TRIGGER lose_change ON audit_log");

        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("database_away");
        verb.ExitCode.ShouldBe(1, verb.Out);
        verb.Error.ShouldContain("nothing was changed");
        (await server.Http.GetAsync("/api/providers/acme")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await PutAsync(server.Http)).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    private static Task<HttpResponseMessage> PutAsync(HttpClient http) =>
        http.PutAsJsonAsync("/api/providers/acme?untested=true", new { type = "OAuth2", settings = new { TokenUrl = "https://login.acme.example/token", ClientId = "ours", ClientSecret = "a secret" } });

    private static Task<Finished> VerbAsync(Dictionary<string, string> settings) => ServerProcess.RunWithInputAsync(
        settings, "a secret\n", "providers", "add", "acme", "--type", "OAuth2", "--set", "TokenUrl=https://login.acme.example/token", "--set", "ClientId=ours", "--set", "ClientSecret=-", "--untested");

    private static async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
