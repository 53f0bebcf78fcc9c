using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Processes;

/// <summary>A server that was started with one set of settings, and a verb or a second server that reads another.</summary>
public sealed class TwoSettingsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task After_a_key_was_changed_in_the_env_file_the_verb_and_the_server_both_name_it_and_not_its_value()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var folder = Directory.CreateTempSubdirectory("tokenrefresh-env-");
        try
        {
            var env = Path.Combine(folder.FullName, ".env");
            var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
            settings["PWD"] = folder.FullName;
            settings.Remove("Providers__Jibit__ApiKey");
            await File.WriteAllTextAsync(env, $"Providers__Jibit__ApiKey={JibitStub.ApiKey}\n");
            await using var server = await ServerProcess.ServeAsync(settings);
            (await ServerProcess.RunAsync(settings, "tokens", "list")).Error.ShouldBe("", "the same settings");

            await File.WriteAllTextAsync(env, "Providers__Jibit__ApiKey=planted-secret-other\n");
            var verb = await ServerProcess.RunAsync(settings, "tokens", "health");

            verb.ErrorLines.Where(line => line.StartsWith("The server", StringComparison.Ordinal)).ShouldHaveSingleItem().ShouldMatch(@"^The server \S+:\d+ uses other settings than this verb: Providers__Jibit__ApiKey\.");
            (await server.LineAsync("uses other settings than this server: Providers__Jibit__ApiKey.")).ShouldContain($"cli:{Environment.UserName}@");
            (verb.Error + verb.Out + server.Out + server.Error).ShouldNotContain("planted");

            await server.StopAsync();
            (await ServerProcess.RunAsync(settings, "tokens", "list")).Error.ShouldBe("", "no server, nothing to differ from");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Two_nodes_with_different_settings_say_so()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await using var first = await ServerProcess.ServeAsync(settings);
        await using var second = await ServerProcess.ServeAsync(new Dictionary<string, string>(settings) { ["TokenRefresh__Queue__Workers"] = "3", ["Logging__LogLevel__Default"] = "Information" });

        (await second.LineAsync("uses other settings than this server: TokenRefresh__Queue__Workers.")).ShouldContain($":{first.Id} ");
        (await first.LineAsync("uses other settings than this server: TokenRefresh__Queue__Workers.")).ShouldContain($":{second.Id} ");
    }

    [Fact]
    public async Task The_older_of_two_nodes_with_different_providers_says_in_its_log_and_on_the_panel_that_it_is_behind()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, connectionString: connectionString);
        (await panel.Http.GetStringAsync("/access")).ShouldNotContain("works with older settings");

        await using var newer = await ServerProcess.ServeAsync(new Dictionary<string, string>(data.VerbSettings(connectionString)) { ["Providers__Jibit__ApiKey"] = "planted-secret" });

        foreach (var address in new[] { "/access", "/access/token-health" })
        {
            var page = await panel.Http.GetStringAsync(address);
            page.ShouldContain("works with older settings of providers and tokens than");
            page.ShouldContain("Providers__Jibit__ApiKey");
            page.ShouldNotContain("planted");
        }

        (await panel.ReadAsync("/access")).ShouldContain($":{newer.Id}");
    }

    [Fact]
    public async Task The_health_page_names_who_works_with_other_settings_and_which_keys_differ()
    {
        await using var data = new DataFolder();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer, connectionString: connectionString);
        (await panel.Http.GetStringAsync("/access/token-health")).ShouldNotContain("uses other settings");

        await ServerProcess.RunAsync(new Dictionary<string, string>(data.VerbSettings(connectionString)) { ["Email__Password"] = "planted-secret" }, "tokens", "list");

        var page = await panel.Http.GetStringAsync("/access/token-health");
        page.ShouldContain($"cli:{Environment.UserName}@");
        page.ShouldContain("Email__Password");
        page.ShouldNotContain("planted");
    }
}
