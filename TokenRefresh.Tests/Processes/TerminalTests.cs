using System.Diagnostics;
using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Verbs at a terminal of a given width, and what they ask there.</summary>
public sealed class TerminalTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(120)]
    public async Task A_table_fits_the_terminal_and_breaks_no_word(int columns)
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "db migrate");

        var (_, shown) = await AtTerminalAsync(settings, columns, "", "tokens health");

        var rows = shown.Where(line => line.Contains("fino", StringComparison.Ordinal) || line.StartsWith("TOKEN", StringComparison.Ordinal)).ToList();
        rows.Count.ShouldBe(10, string.Join('\n', shown));
        rows.ShouldAllBe(line => line.Length <= columns);
        rows.ShouldContain(line => line.StartsWith("fino_promissory  ", StringComparison.Ordinal));
        shown.ShouldContain(line => line == "Times are in Asia/Tehran.");
        shown.ShouldContain(line => line.StartsWith("Database: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("n\n", 1, 1)]
    [InlineData("\n", 1, 1)]
    [InlineData("y\n", 0, 0)]
    public async Task At_a_terminal_failed_jobs_are_deleted_only_after_a_yes(string answer, int exitCode, long left)
    {
        await using var data = new DataFolder();
        var settings = await WithFailedJobAsync(data);

        var (code, shown) = await AtTerminalAsync(settings, 80, answer, "queue flush");

        code.ShouldBe(exitCode, string.Join('\n', shown));
        shown.ShouldContain(line => line.StartsWith("Permanently delete 1 failed job? [y/N]", StringComparison.Ordinal));
        (await FailedAsync(settings)).ShouldBe(left);
    }

    [Theory]
    [InlineData("queue flush")]
    [InlineData("users remove olga")]
    [InlineData("clients revoke billing")]
    public async Task Elsewhere_what_cannot_be_undone_needs_to_be_said_yes_to_in_the_call(string call)
    {
        await using var data = new DataFolder();
        var settings = await WithFailedJobAsync(data);

        var refused = await ServerProcess.RunWithInputAsync(settings, "y\n", call.Split(' '));

        (refused.ExitCode, refused.Out).ShouldBe((2, ""), refused.Error);
        refused.ErrorLines.ShouldHaveSingleItem().ShouldContain("add --yes");
        (await FailedAsync(settings)).ShouldBe(1);
        (await ServerProcess.DoneAsync(settings, "users list")).ShouldContain("olga");
        JsonDocument.Parse(await ServerProcess.DoneAsync(settings, "clients list --json")).RootElement[0].GetProperty("revoked_at").ValueKind.ShouldBe(JsonValueKind.Null);

        (await ServerProcess.RunAsync(settings, [.. call.Split(' '), "--yes"])).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_run_of_the_schedule_needs_to_be_told_which_job()
    {
        await using var data = new DataFolder();

        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path }, "schedule", "run");

        (end.ExitCode, end.Out).ShouldBe((2, ""));
        end.ErrorLines.ShouldHaveSingleItem().ShouldContain("automatic-token-refresh, due-token-refresh, backup-token-refresh, token-health-check, daily-summary, log-cleanup");
        data.Exists.ShouldBeFalse();
    }

    [Fact]
    public async Task What_turns_the_direction_of_reading_is_escaped_in_JSON_and_replaced_in_tables()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        (settings["Providers__Jibit__ApiKey"], settings["Providers__Jibit__SecretKey"]) = ("key", "secret");
        await ServerProcess.DoneAsync(settings, "db migrate");
        const string Reason = "a\u202eb\u2066c\u200fd\u009be\ufefff";
        await ServerProcess.RunAsync(settings, "tokens", "pause", "jibit", "--reason", Reason);

        var json = await ServerProcess.DoneAsync(settings, "tokens list --json");
        var table = await ServerProcess.DoneAsync(settings, "tokens list");

        json.ShouldContain("a\\u202eb\\u2066c\\u200fd\\u009be\\ufefff");
        JsonDocument.Parse(json).RootElement.EnumerateArray().Single(token => token.GetProperty("name").GetString() == "jibit").GetProperty("next_refresh_reason").GetString()!.ShouldContain(Reason);
        table.ShouldContain("a?b?c?d?e?f");
    }

    private async Task<Dictionary<string, string>> WithFailedJobAsync(DataFolder data)
    {
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.DoneAsync(settings, "users add olga --role admin");
        await ServerProcess.DoneAsync(settings, "users add second --role admin");
        await ServerProcess.DoneAsync(settings, "clients add billing --tokens *");
        await ServerProcess.DoneAsync(new Dictionary<string, string>(settings) { ["Providers__Jibit__ApiKey"] = "a key", ["Providers__Jibit__SecretKey"] = "a secret" }, "tokens auto-refresh --token jibit");
        await ExecuteAsync<object>(settings, """
            WITH failed AS (
                INSERT INTO hangfire.state (jobid, name, createdat, data)
                SELECT id, 'Failed', now(), '{"FailedAt":"2026-01-01T00:00:00Z","ExceptionType":"E","ExceptionMessage":"m","ExceptionDetails":"d"}' FROM hangfire.job RETURNING id, jobid)
            UPDATE hangfire.job SET stateid = failed.id, statename = 'Failed' FROM failed WHERE job.id = failed.jobid RETURNING job.id
            """);
        return settings;
    }

    private static Task<long> FailedAsync(Dictionary<string, string> settings) => ExecuteAsync<long>(settings, "SELECT count(*) FROM hangfire.job WHERE statename = 'Failed'");

    private static async Task<T> ExecuteAsync<T>(Dictionary<string, string> settings, string sql)
    {
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"]);
        await using var command = db.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Runs a verb at a pseudo-terminal, which util-linux's <c>script</c> makes.</summary>
    private static async Task<(int ExitCode, List<string> Shown)> AtTerminalAsync(Dictionary<string, string> settings, int columns, string typed, string call)
    {
        var program = Path.Combine(AppContext.BaseDirectory, $"{typeof(ServerHost).Assembly.GetName().Name}.dll");
        var start = new ProcessStartInfo("script", ["-qec", $"stty cols {columns} -echo; dotnet '{program}' {call}", "/dev/null"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        ServerProcess.CompileOnce(start);
        using var terminal = Process.Start(start)!;
        await terminal.StandardInput.WriteAsync(typed);
        await terminal.StandardInput.FlushAsync();
        var shown = await terminal.StandardOutput.ReadToEndAsync();
        await terminal.WaitForExitAsync();
        return (terminal.ExitCode, [.. shown.Split('\n').Select(line => System.Text.RegularExpressions.Regex.Replace(line, @"\e\[[0-9;?]*[A-Za-z]|\e[=>]|[\r\a]", ""))]);
    }
}
