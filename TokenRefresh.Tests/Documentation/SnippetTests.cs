using System.Diagnostics;
using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Cli;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Documentation;

/// <summary>What README and the documents give to copy works as it stands: settings are taken, calls can be made, statements run.</summary>
public sealed class SnippetTests(PostgresFixture postgres)
{
    // Where a reader puts something of their own.
    private const string Own = "…";

    private static readonly string[] Languages = ["sh", "verbs", "env", "json", "sql", "nginx", "php", "python", "csharp", "yaml", "text"];

    public static TheoryData<string> Settings => Snippet.Of("env");

    public static TheoryData<string> Verbs => Snippet.Of("verbs");

    public static TheoryData<string> Shell => Snippet.Of("sh");

    public static TheoryData<string> Sql => Snippet.Of("sql");

    public static TheoryData<string> Json => Snippet.Of("json");

    public static TheoryData<string> Nginx => Snippet.Of("nginx");

    [Fact]
    public void Every_snippet_says_what_it_is_written_in_so_that_a_test_can_try_it() =>
        Snippet.All.ShouldSatisfyAllConditions(
            all => all.Count.ShouldBeGreaterThan(30),
            all => all.Where(snippet => !Languages.Contains(snippet.Language)).Select(snippet => $"{snippet.Name} '{snippet.Language}'").ShouldBeEmpty());

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task Settings_are_read_without_a_warning_and_taken_by_a_start(string name)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, Snippet.Find(name).Text);
            var read = EnvFile.Read([file]);

            read.Warnings.ShouldBeEmpty();
            read.Values.ShouldNotBeEmpty();
            var given = read.Values.ToDictionary(pair => pair.Key, pair => pair.Value?.Contains(Own, StringComparison.Ordinal) == true ? Filled(pair.Key, pair.Value) : pair.Value);
            given["environment"] = "Development";
            await using var app = ServerHost.Build(given, Roles.All);
            Should.NotThrow(() => StartUp.Validate(app.Services));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Verbs_are_calls_that_the_program_takes(string name)
    {
        var root = CommandLine.Root([]);
        var calls = await CallsAsync(Snippet.Find(name).Text, root.Subcommands.Select(verb => verb.Name));

        calls.ShouldNotBeEmpty();
        foreach (var call in calls)
        {
            root.Parse(call).Errors.Select(error => error.Message).ShouldBeEmpty(string.Join(' ', call));
        }
    }

    [Theory]
    [MemberData(nameof(Shell))]
    public async Task Shell_is_read_by_a_shell_and_its_verbs_by_the_program(string name)
    {
        var snippet = Snippet.Find(name);
        var parsed = await Sample.RunAsync("bash", ["-n", "-c", snippet.Text], []);
        (parsed.ExitCode, parsed.Error).ShouldBe((0, ""));

        const string Program = "dotnet run --project TokenRefresh.Server";
        foreach (var line in snippet.Text.Split('\n').Where(line => line.StartsWith(Program, StringComparison.Ordinal)))
        {
            var call = (await CallsAsync(line.Replace(Program, "program", StringComparison.Ordinal), ["program"])).ShouldHaveSingleItem();
            CommandLine.Root([]).Parse([.. call.Skip(1).Where(word => word != "--")]).Errors.Select(error => error.Message).ShouldBeEmpty(line);
        }
    }

    [Theory]
    [MemberData(nameof(Sql))]
    public async Task Statements_run_on_the_schema_of_this_version(string name)
    {
        // What belongs to a whole cluster has a name of its own here, for the tests share one.
        var own = $"document_{Guid.NewGuid():N}";
        var text = Snippet.Find(name).Text.Replace("DATABASE tokenrefresh ", $"DATABASE {own} ", StringComparison.Ordinal).Replace("tokenrefresh_node", own, StringComparison.Ordinal);
        await using var db = NpgsqlDataSource.Create(await postgres.CreateMigratedDatabaseAsync());
        await using var command = db.CreateCommand(text);

        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Json))]
    public void Json_is_JSON(string name) => JsonDocument.Parse(Snippet.Find(name).Text).RootElement.ValueKind.ShouldBe(JsonValueKind.Object);

    [Theory]
    [MemberData(nameof(Nginx))]
    public void A_configuration_of_nginx_closes_what_it_opens_and_ends_its_directives(string name)
    {
        var text = Snippet.Find(name).Text;

        text.Count(character => character == '{').ShouldBe(text.Count(character => character == '}'));
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()).Where(line => line[^1] is not ('{' or '}' or ';')).ShouldBeEmpty();
    }

    private static string Filled(string key, string value) => key switch
    {
        "Encryption:MasterKey" => Convert.ToBase64String(new byte[MasterKey.Length]),
        _ when key.EndsWith("NationalId", StringComparison.Ordinal) => "0099999988",
        _ => value.Replace(Own, "own", StringComparison.Ordinal),
    };

    /// <summary>The words of each call as a shell hands them over.</summary>
    private static async Task<List<string[]>> CallsAsync(string text, IEnumerable<string> programs)
    {
        var folder = Directory.CreateTempSubdirectory("tokenrefresh-snippet-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "pair.json"), "{}");
            var functions = string.Join('\n', programs.Select(program => $"{program}() {{ printf '%s\\0' {program} \"$@\" >> calls; printf '\\n' >> calls; }}"));
            var end = await Sample.RunAsync("bash", ["-e", "-c", $"cd '{folder.FullName}'\n{functions}\ncurl() {{ :; }}\n{text}"], []);
            (end.ExitCode, end.Error).ShouldBe((0, ""));
            return [.. (await File.ReadAllLinesAsync(Path.Combine(folder.FullName, "calls"))).Select(line => line.Split('\0')[..^1])];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
