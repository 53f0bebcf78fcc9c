using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>A wrong call ends with exit code 2, says what there is instead, and changes nothing.</summary>
public sealed class WrongCallTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("--help")]
    [InlineData("help")]
    [InlineData("tokens import --help")]
    [InlineData("help tokens import")]
    public async Task Who_asks_for_help_gets_it_and_nothing_is_made(string call)
    {
        await using var data = new DataFolder();
        var help = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path }, Words(call));

        help.ExitCode.ShouldBe(0);
        help.Out.ShouldContain("Description:");
        help.Error.ShouldBe("");
        data.Exists.ShouldBeFalse();
    }

    [Theory]
    [InlineData("nosuch", "nosuch")]
    [InlineData("tokens", "Missing subcommand")]
    [InlineData("tokens nosuch", "nosuch")]
    [InlineData("tokens health --nosuch", "--nosuch")]
    [InlineData("tokens pause", "argument")]
    [InlineData("logs show --lines many", "many")]
    [InlineData("users add ida --role 7", "viewer")]
    [InlineData("users add ida --role viewer,admin", "viewer")]
    [InlineData("notify test --to nobody", "'nobody' is not a mail address")]
    [InlineData("--roles x", "web, worker")]
    [InlineData("serve --roles web,x", "web, worker")]
    public async Task What_cannot_be_read_as_a_call_is_refused_before_anything_is_made(string call, string told)
    {
        await using var data = new DataFolder();
        var end = await ServerProcess.RunAsync(new Dictionary<string, string> { ["Data__Directory"] = data.Path }, Words(call));

        end.ExitCode.ShouldBe(2);
        end.Out.ShouldBe("");
        end.Error.ShouldContain(told);
        end.ErrorLines[^1].ShouldEndWith("--help");
        data.Exists.ShouldBeFalse();
    }

    [Fact]
    public async Task What_does_not_exist_is_told_with_what_does()
    {
        await using var data = new DataFolder();
        var settings = new Dictionary<string, string> { ["Data__Directory"] = data.Path, ["ConnectionStrings__TokenRefresh"] = await postgres.CreateMigratedDatabaseAsync() };
        await ServerProcess.DoneAsync(settings, "db migrate");
        foreach (var (call, listed) in new[]
        {
            ("tokens auto-refresh --token nosuch", "jibit"), ("tokens auto-refresh --token jibit --provider finnotech", "belongs to provider jibit"), ("tokens auto-refresh --provider nosuch", "finnotech, jibit"),
            ("tokens auto-refresh --token nosuch --sync", "jibit"), ("tokens health --provider nosuch", "finnotech, jibit"), ("tokens test nosuch", "jibit"), ("tokens pause nosuch", "jibit"),
            ("tokens pause jibit --hours 0", "at most"), ("tokens resume nosuch", "jibit"), ("tokens import nosuch", "jibit"), ("logs show --token nosuch", "jibit"),
            ("logs show --status nosuch", "running, success, failed, skipped"), ("logs show --lines 0", "1 to 10000"), ("logs statistics --hours -1", "more than 0"), ("schedule run nosuch", "recurring jobs"),
            ("notify test", "TokenRefresh__Notifications__Email"), ("users reset-password nosuch", "No user"), ("users remove nosuch --yes", "No user"),
        })
        {
            var end = await ServerProcess.RunAsync(settings, Words(call));

            end.ExitCode.ShouldBe(2, call + end.Error);
            end.Out.ShouldBe("", call);
            end.ErrorLines.ShouldHaveSingleItem(call).ShouldContain(listed, Case.Insensitive, call);
        }

        (await ServerProcess.RunAsync(settings, "logs", "show", "--json")).Out.ShouldBe("[]");
        (await ServerProcess.RunAsync(settings, "queue", "status", "--json")).Out.ShouldContain("\"enqueued\": 0");
    }

    private static string[] Words(string call) => call.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
