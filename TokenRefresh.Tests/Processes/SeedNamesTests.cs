using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Settings under the seed's names, in the environment of a running program: <c>TOKEN_REFRESH_NOTIFICATIONS_ENABLED</c> and <c>ADMIN_EMAIL</c>.</summary>
public sealed class SeedNamesTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_seeds_address_is_written_to_where_the_seeds_switch_is_not_set()
    {
        await using var data = new DataFolder();
        var settings = await SettingsAsync(data);
        await using var server = await ServerProcess.ServeAsync(settings);
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"]);

        await SummarizeAsync(server, settings, db);

        await server.UntilAsync(() => Task.FromResult(Mails(data).Length > 0), "a mail in the drop");
        (await File.ReadAllTextAsync(Mails(data)[0], TestContext.Current.CancellationToken)).ShouldContain("To: ops@example.com");
    }

    [Fact]
    public async Task With_the_seeds_switch_off_no_mail_is_written()
    {
        await using var data = new DataFolder();
        var settings = await SettingsAsync(data);
        settings["TOKEN_REFRESH_NOTIFICATIONS_ENABLED"] = "false";
        await using var server = await ServerProcess.ServeAsync(settings);
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"]);

        await SummarizeAsync(server, settings, db);

        (await ScalarAsync(db, "SELECT count(*) FROM notifications")).ShouldBe(0L);
        Mails(data).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_wrong_value_of_the_seeds_switch_stops_the_program()
    {
        await using var data = new DataFolder();
        var end = await ServerProcess.RunAsync(
            new Dictionary<string, string> { ["Data__Directory"] = data.Path, ["TOKEN_REFRESH_NOTIFICATIONS_ENABLED"] = "perhaps" }, "tokens", "health");

        end.ExitCode.ShouldBe(2);
        end.ErrorLines.ShouldHaveSingleItem().ShouldBe("TokenRefresh__Notifications__Enabled = 'perhaps' is not allowed: true or false.");
        data.Exists.ShouldBeFalse();
    }

    private async Task<Dictionary<string, string>> SettingsAsync(DataFolder data) =>
        new(data.VerbSettings(await postgres.CreateMigratedDatabaseAsync())) { ["ADMIN_EMAIL"] = "ops@example.com" };

    /// <summary>Has the server write the day's summary, and then deliver what there is to deliver.</summary>
    private static async Task SummarizeAsync(ServerProcess server, Dictionary<string, string> settings, NpgsqlDataSource db)
    {
        foreach (var id in new[] { "daily-summary", "token-health-check" })
        {
            await server.UntilAsync(async () => await ScalarAsync(db, $"SELECT 1 FROM hangfire.set WHERE key = 'recurring-jobs' AND value = '{id}'") is not null, $"{id} installed");
            var job = JsonDocument.Parse(await ServerProcess.DoneAsync(settings, $"schedule run {id} --json")).RootElement.GetProperty("job_id").GetString()!;
            await server.UntilAsync(async () => (string?)await ScalarAsync(db, $"SELECT statename FROM hangfire.job WHERE id = {job}") == "Succeeded", $"{id} done");
        }
    }

    private static string[] Mails(DataFolder data)
    {
        var drop = Path.Combine(data.Path, "mail");
        return Directory.Exists(drop) ? Directory.GetFiles(drop, "*.eml") : [];
    }

    private static async Task<object?> ScalarAsync(NpgsqlDataSource db, string sql)
    {
        await using var query = db.CreateCommand(sql);
        return await query.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
