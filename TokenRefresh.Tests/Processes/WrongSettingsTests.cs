using System.Net;
using System.Net.Sockets;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>A wrong setting stops the program before anything is started or made, with one line that a person can act on.</summary>
public sealed class WrongSettingsTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("TokenRefresh__Schedule__Cron", "every noon", "a cron expression")]
    [InlineData("TokenRefresh__Schedule__DueCheckCron", "61 * * * *", "a cron expression")]
    [InlineData("TokenRefresh__Schedule__TimeZone", "Asia/Nowhere", "an IANA time zone")]
    [InlineData("TokenRefresh__Queue__Workers", "0", "a number from 1 to 100")]
    [InlineData("TokenRefresh__Queue__Workers", "many", "a number")]
    [InlineData("TokenRefresh__Renewal__Threshold", "abc", "a duration")]
    [InlineData("Sandbox__Enabled", "maybe", "true or false")]
    [InlineData("Tokens__x__Provider", "nosuch", "finnotech, jibit")]
    public async Task A_wrong_value_is_told_in_one_line_with_its_key_and_what_is_allowed(string key, string value, string allowed)
    {
        var line = await RefusedAsync((key, value));

        line.ShouldStartWith($"{key} = '{value}' is not allowed: ");
        line.ShouldContain(allowed);
    }

    [Fact]
    public async Task A_value_of_several_lines_is_told_in_one_line_and_commands_no_terminal() =>
        (await RefusedAsync(("TokenRefresh__Queue__Name", "first\nsecond\u001b[2J"))).ShouldStartWith("TokenRefresh__Queue__Name = 'first second?[2J' is not allowed: ");

    [Fact]
    public async Task An_unknown_key_is_told_with_those_that_there_are() =>
        (await RefusedAsync(("TokenRefresh__Queue__Wrokers", "3"))).ShouldBe("TokenRefresh__Queue__Wrokers is not a setting; TokenRefresh__Queue has Name, Workers.");

    [Theory]
    [InlineData("Encryption__MasterKey")]
    [InlineData("ConnectionStrings__TokenRefresh")]
    public async Task A_wrong_secret_is_told_without_its_value(string key)
    {
        var line = await RefusedAsync((key, "planted-secret"));

        line.ShouldStartWith($"{key} = (hidden) is not allowed: ");
        line.ShouldNotContain("planted");
    }

    [Theory]
    [InlineData("host=planted-host port=5432 dbname=tokens user=ada password=planted")]
    [InlineData("Host=db;Database=tokens Password=planted")]
    [InlineData("Host=db,Password=planted")]
    [InlineData("jdbc:postgresql://db:5432/tokens?user=ada&password=planted")]
    [InlineData("postgres://ada:planted@db:x/tokens")]
    public async Task A_malformed_address_of_a_database_is_told_with_the_forms_that_are_taken_and_without_itself(string value)
    {
        var line = await RefusedAsync(("ConnectionStrings__TokenRefresh", value));

        line.ShouldStartWith("ConnectionStrings__TokenRefresh = (hidden) is not allowed: a connection string such as 'Host=db;");
        line.ShouldContain("postgres://user:password@db:5432/tokenrefresh");
        line.ShouldNotContain("planted");
    }

    [Fact]
    public async Task Production_refuses_the_sandbox() =>
        (await RefusedAsync(("ASPNETCORE_ENVIRONMENT", "Production"), ("Sandbox__Enabled", "true"))).ShouldStartWith("Sandbox__Enabled = 'true' is not allowed: ");

    [Fact]
    public async Task Production_on_a_given_database_demands_the_master_key() =>
        (await RefusedAsync(("ASPNETCORE_ENVIRONMENT", "Production"), ("ConnectionStrings__TokenRefresh", "Host=127.0.0.1;Port=1"))).ShouldStartWith("Encryption__MasterKey = '' is not allowed: ");

    [Fact]
    public async Task A_taken_port_is_told_in_one_line_and_leaves_no_postgres()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using var data = new DataFolder();
        await using var server = ServerProcess.Start(
            new Dictionary<string, string> { ["Data__Directory"] = data.Path }, "--urls", $"http://{taken.LocalEndpoint}");
        var end = await server.EndAsync();

        end.ExitCode.ShouldBe(1);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain($"{taken.LocalEndpoint}");
        end.Out.ShouldBe("");
        data.PostgresProcesses().ShouldBeEmpty();
    }

    [Fact]
    public async Task An_address_that_is_not_this_machines_is_not_taken_for_a_database_that_is_away()
    {
        await using var data = new DataFolder();
        await using var server = ServerProcess.Start(new Dictionary<string, string> { ["Data__Directory"] = data.Path }, "--urls", "http://203.0.113.9:5107");
        var end = await server.EndAsync();

        end.ExitCode.ShouldBe(1);
        end.ErrorLines.ShouldHaveSingleItem().ShouldStartWith("http://203.0.113.9:5107 cannot be used:");
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("http://localhost:99999")]
    [InlineData("ftp://localhost:1")]
    [InlineData(";")]
    public async Task A_wrong_address_is_refused_before_anything_is_made(string urls)
    {
        await using var data = new DataFolder();
        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path }, "--urls", urls);

        end.ExitCode.ShouldBe(2);
        end.ErrorLines.ShouldHaveSingleItem().ShouldStartWith($"urls = '{urls}' is not allowed: addresses such as");
        data.Exists.ShouldBeFalse();
    }

    [Fact]
    public async Task A_second_server_with_another_master_key_is_refused_and_told_why()
    {
        await using var data = new DataFolder();
        var settings = new Dictionary<string, string>
        {
            ["Data__Directory"] = data.Path, ["ConnectionStrings__TokenRefresh"] = await postgres.CreateMigratedDatabaseAsync(), ["Encryption__MasterKey"] = Key(1),
        };
        await using var first = await ServerProcess.ServeAsync(settings);
        await first.UntilAsync(async () => (await first.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "every token fresh");

        var second = await ServerProcess.RunAsync(new Dictionary<string, string>(settings) { ["Encryption__MasterKey"] = Key(2) }, "--urls", "http://127.0.0.1:0");

        second.ExitCode.ShouldBe(2);
        second.ErrorLines.ShouldHaveSingleItem().ShouldContain("Encryption__MasterKey");
        second.Error.ShouldNotContain(Key(1));
        second.Error.ShouldNotContain(Key(2));
    }

    [Fact]
    public async Task A_machine_without_time_zone_data_is_told_the_package_that_has_it() =>
        (await RefusedAsync(("TZDIR", "/nowhere"))).ShouldBe(
            "This machine has no time-zone data for Asia/Tehran (TokenRefresh__Schedule__TimeZone): install the package tzdata (apt-get install tzdata, apk add tzdata), or unset TZDIR, which names /nowhere.");

    [Fact]
    public async Task A_zone_of_the_settings_that_cannot_be_looked_up_at_all_is_the_machine_s_fault_and_not_the_setting_s() =>
        (await RefusedAsync(("TZDIR", "/nowhere"), ("TokenRefresh__Schedule__TimeZone", "Europe/Berlin"))).ShouldStartWith("This machine has no time-zone data for Europe/Berlin (");

    [Theory]
    [InlineData("Providers__Finnotech__ClientId=client;Providers__Finnotech__ClientSecret=secret;Providers__Finnotech__NationalId=1234567890;Sandbox__Enabled=false")]
    [InlineData("ASPNETCORE_ENVIRONMENT=Development")]
    public async Task With_UTC_the_data_is_still_needed_by_a_provider_that_answers_in_the_time_of_Tehran(string further) =>
        (await RefusedAsync([("TZDIR", "/nowhere"), ("TokenRefresh__Schedule__TimeZone", "UTC"), .. further.Split(';').Select(pair => (pair.Split('=')[0], pair.Split('=')[1]))]))
            .ShouldStartWith("This machine has no time-zone data for Asia/Tehran (the times in finnotech's answers): install the package tzdata");

    [Fact]
    public async Task With_UTC_and_no_such_provider_the_program_works_without_the_data()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        (settings["TZDIR"], settings["TokenRefresh__Schedule__TimeZone"]) = ("/nowhere", "UTC");

        (await ServerProcess.DoneAsync(settings, "tokens auto-refresh --token jibit --sync")).ShouldContain("jibit: refreshed");
    }

    [Fact]
    public async Task A_wrong_password_of_the_database_is_told_in_one_line_and_not_repeated()
    {
        await using var data = new DataFolder();
        var wrong = new NpgsqlConnectionStringBuilder(await postgres.CreateMigratedDatabaseAsync()) { Password = "planted-secret" };
        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path, ["ConnectionStrings__TokenRefresh"] = wrong.ConnectionString }, "db", "status");

        end.ExitCode.ShouldBe(1);
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain("ConnectionStrings__TokenRefresh");
        end.Error.ShouldNotContain("planted");
    }

    [Theory]
    [InlineData("postgres://")]
    [InlineData("postgresql://")]
    [InlineData("postgresql://", "127.0.0.1:1,")]
    public async Task A_database_can_be_named_by_an_address_and_its_password_is_not_shown(string scheme, string deadHost = "")
    {
        await using var data = new DataFolder();
        var given = new NpgsqlConnectionStringBuilder(await postgres.CreateMigratedDatabaseAsync());
        var address = $"{scheme}{given.Username}:{Uri.EscapeDataString(given.Password!)}@{deadHost}{given.Host}:{given.Port}/{given.Database}?sslmode=disable";
        var settings = data.VerbSettings(address);

        await ServerProcess.DoneAsync(settings, "db migrate");
        var status = await ServerProcess.RunAsync(settings, "db", "status");

        status.ExitCode.ShouldBe(0, status.Error);
        status.Out.ShouldContain($"{given.Host}:{given.Port}/{given.Database}");
        (status.Out + status.Error).ShouldNotContain(given.Password!);
    }

    [Fact]
    public async Task A_folder_named_for_Postgres_that_holds_none_is_a_wrong_setting()
    {
        await using var data = new DataFolder();
        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path, ["TOKENREFRESH_PG_BIN"] = "/nowhere" }, "db", "migrate");

        end.ExitCode.ShouldBe(2);
        end.ErrorLines.ShouldHaveSingleItem().ShouldStartWith("TOKENREFRESH_PG_BIN = '/nowhere' is not allowed: ");
    }

    private static string Key(byte fill) => Convert.ToBase64String(Enumerable.Repeat(fill, MasterKey.Length).ToArray());

    /// <summary>The one line of a start and of a verb that were both refused before anything was made.</summary>
    private static async Task<string> RefusedAsync(params (string Key, string Value)[] settings)
    {
        await using var data = new DataFolder();
        var given = new Dictionary<string, string> { ["Data__Directory"] = data.Path };
        foreach (var (key, value) in settings)
        {
            given[key] = value;
        }

        var verb = await ServerProcess.RunAsync(given, "tokens", "health");
        var server = await ServerProcess.RunAsync(given, "--urls", "http://127.0.0.1:0");

        (verb.ExitCode, server.ExitCode).ShouldBe((2, 2), verb.Error);
        (verb.Out, server.Out).ShouldBe(("", ""));
        data.Exists.ShouldBeFalse("nothing is made before the settings are checked");
        server.ErrorLines.ShouldBe(verb.ErrorLines);
        return verb.ErrorLines.ShouldHaveSingleItem();
    }
}
