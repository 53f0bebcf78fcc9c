using System.Net;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Processes;

/// <summary>The verbs that say who is let in: <c>clients …</c> for programs, <c>users …</c> for people.</summary>
public sealed class AccessVerbTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Clients_are_listed_by_name_and_tokens_and_without_the_secret_of_their_keys()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        var key = await ServerProcess.DoneAsync(settings, "clients add billing --tokens jibit,fino_*");

        var table = await ServerProcess.DoneAsync(settings, "clients list");
        var json = await ServerProcess.DoneAsync(settings, "clients list --json");

        table.ShouldMatch(@"billing +\w+ +jibit,fino_\*");
        var client = JsonDocument.Parse(json).RootElement.EnumerateArray().ShouldHaveSingleItem();
        client.GetProperty("name").GetString().ShouldBe("billing");
        client.GetProperty("tokens").GetString().ShouldBe("jibit,fino_*");
        (table + json).ShouldNotContain(key.Split('_')[^1]);
    }

    [Fact]
    public async Task Where_there_is_no_client_the_list_says_how_to_make_one()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");

        (await ServerProcess.DoneAsync(settings, "clients list")).ShouldContain("clients add NAME");
    }

    [Fact]
    public async Task A_revoked_client_is_refused_by_a_running_server()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        var settings = data.VerbSettings(connectionString);
        await using var server = await RunningServer.StartAsync(postgres, connectionString);
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", await ServerProcess.DoneAsync(settings, "clients add billing --tokens *"));
        await RunningServer.UntilAsync(() => AnswersAsync(HttpStatusCode.OK), "the key is good", seconds: 30);

        (await ServerProcess.DoneAsync(settings, "clients revoke billing --yes")).ShouldBe("Revoked key \"billing\".");

        await RunningServer.UntilAsync(() => AnswersAsync(HttpStatusCode.Unauthorized), "the key is refused", seconds: 30);
        JsonDocument.Parse(await ServerProcess.DoneAsync(settings, "clients list --json")).RootElement[0].GetProperty("revoked_at").ValueKind.ShouldBe(JsonValueKind.String);

        async Task<bool> AnswersAsync(HttpStatusCode status) => (await server.Http.GetAsync("/api/tokens")).StatusCode == status;
    }

    [Fact]
    public async Task Whoever_has_no_good_key_cannot_be_revoked_and_those_who_have_one_are_told()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "clients add billing --tokens *");
        await ServerProcess.DoneAsync(settings, "clients add retired --tokens *");
        await ServerProcess.DoneAsync(settings, "clients revoke retired --yes");

        foreach (var name in new[] { "nosuch", "retired" })
        {
            var end = await ServerProcess.RunAsync(settings, "clients", "revoke", name, "--yes");

            (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
            end.ErrorLines.ShouldHaveSingleItem().ShouldBe($"No client '{name}' with an active key. Clients: billing.");
        }
    }

    [Fact]
    public async Task A_revocation_where_nobody_has_a_good_key_says_so()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");
        var end = await ServerProcess.RunAsync(settings, "clients", "revoke", "nosuch", "--yes");

        (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
        end.ErrorLines.ShouldHaveSingleItem().ShouldStartWith("No client 'nosuch' with an active key. No client has one.");
    }

    [Fact]
    public async Task A_password_that_is_made_up_is_printed_alone_and_signs_in_instead_of_the_old_one()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        await using var panel = await Panel.OpenAsync(postgres, connectionString: connectionString);
        await panel.AddAsync("olga", Role.Viewer);

        var end = await ServerProcess.RunAsync(data.VerbSettings(connectionString), "users", "reset-password", "olga");

        end.ExitCode.ShouldBe(0, end.Error);
        end.Out.ShouldMatch(@"\A\S{20}\z", "a password alone");
        end.ErrorLines[^1].ShouldContain("cannot be shown again");
        (await panel.SignInAsync("olga")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        WhereOf(await panel.SignInAsync("olga", end.Out)).ShouldBe("/access");
    }

    [Fact]
    public async Task A_password_from_stdin_is_not_printed_and_signs_in_instead_of_the_old_one()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        await using var panel = await Panel.OpenAsync(postgres, connectionString: connectionString);
        await panel.AddAsync("olga", Role.Viewer);

        var end = await ServerProcess.RunWithInputAsync(data.VerbSettings(connectionString), "another long password\n", "users", "reset-password", "olga");

        (end.ExitCode, end.Out).ShouldBe((0, ""), end.Error);
        end.Error.ShouldNotContain("another long password");
        (await panel.SignInAsync("olga")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        WhereOf(await panel.SignInAsync("olga", "another long password")).ShouldBe("/access");
    }

    [Fact]
    public async Task A_reset_password_ends_the_sign_ins_at_a_running_server()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, connectionString: connectionString);
        WhereOf(await panel.Http.GetAsync("/access")).ShouldBe("/access");

        await ServerProcess.DoneAsync(data.VerbSettings(connectionString), "users reset-password Viewer");

        WhereOf(await panel.Http.GetAsync("/access")).ShouldBe("/account/login");
    }

    [Theory]
    [InlineData("-olga")]
    [InlineData("+olga")]
    [InlineData("@olga")]
    public async Task A_new_user_whose_name_begins_like_an_option_a_formula_or_a_file_of_words_is_refused_in_one_line(string name)
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");

        var end = await ServerProcess.RunAsync(settings, "users", "add", "--role", "viewer", "--", name);

        (end.ExitCode, end.Out).ShouldBe((2, ""), end.Error);
        end.ErrorLines.ShouldHaveSingleItem().ShouldBe("A user name must not begin with -, + or @.");
        (await ServerProcess.DoneAsync(settings, "users list --json")).ShouldBe("[]");
    }

    [Fact]
    public async Task A_user_from_before_whose_name_begins_with_such_a_sign_can_still_be_changed()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "users add olga --role viewer");
        await RealDatabases.ExecuteAsync(settings[RealDatabases.Setting], "UPDATE operators SET user_name = '+olga', normalized_user_name = '+OLGA'");

        (await ServerProcess.DoneAsync(settings, "users set-role +olga --role operator")).ShouldBe("Role of \"+olga\" is now operator; all sessions ended.");
        (await ServerProcess.DoneAsync(settings, "users list")).ShouldMatch(@"\+olga +operator");
    }

    private static string WhereOf(HttpResponseMessage answer) => answer.RequestMessage!.RequestUri!.AbsolutePath;
}
