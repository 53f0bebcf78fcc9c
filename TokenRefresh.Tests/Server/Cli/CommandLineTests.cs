using System.CommandLine;
using Shouldly;
using TokenRefresh.Server.Cli;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public void Settings_are_taken_out_of_a_call_in_either_spelling()
    {
        var (settings, words) = CommandLine.SplitSettings(["tokens", "--TokenRefresh:Queue:Workers=7", "health", "--Sandbox__Enabled=false", "--environment=Production", "--provider=jibit"]);

        settings.ShouldBe(new Dictionary<string, string?> { ["TokenRefresh:Queue:Workers"] = "7", ["Sandbox:Enabled"] = "false", ["environment"] = "Production" }, ignoreOrder: true);
        words.ShouldBe(["tokens", "health", "--provider=jibit"]);
    }

    [Theory]
    [InlineData("", nameof(Roles.All))]
    [InlineData("--roles web,worker", nameof(Roles.All))]
    [InlineData("--roles web --roles worker", nameof(Roles.All))]
    [InlineData("--roles worker", nameof(Roles.Worker))]
    [InlineData("--roles WEB", nameof(Roles.Web))]
    public void The_roles_are_both_or_those_that_are_named_in_one_option_or_in_two(string call, string roles)
    {
        var parsed = new ServeCommand([]).Parse(call);

        parsed.Errors.ShouldBeEmpty();
        ServeCommand.RolesOf(parsed.GetValue<string[]>("--roles")).ToString().ShouldBe(roles);
    }

    [Fact]
    public void Every_verb_explains_itself()
    {
        var root = CommandLine.Root([]);
        var calls = Calls(root).ToList();
        calls.Count.ShouldBeGreaterThan(40);

        foreach (var call in calls)
        {
            using var help = new StringWriter();
            using var errors = new StringWriter();
            root.Parse([.. call, "--help"]).Invoke(new InvocationConfiguration { Output = help, Error = errors }).ShouldBe(0, string.Join(' ', call));
            errors.ToString().ShouldBe("", string.Join(' ', call));
            help.ToString().ShouldContain("Description:", Case.Sensitive, string.Join(' ', call));
        }

        static IEnumerable<string[]> Calls(Command verb) => verb.Subcommands.SelectMany(Calls).Select(call => verb is RootCommand ? call : [verb.Name, .. call]).Append(verb is RootCommand ? [] : [verb.Name]);
    }

    [Theory]
    [InlineData("\"2026-03-02T00:00:00Z\"")]
    [InlineData("1772409600")]
    [InlineData("\"1772409600\"")]
    [InlineData("1772409600.0")]
    [InlineData("1772409600000")]
    [InlineData("\" 1772409600000 \"")]
    [InlineData("\"2026-03-02T03:30:00+03:30\"")]
    [InlineData("\"2026-03-02 00:00:00.000Z\"")]
    [InlineData("\"Mon, 02 Mar 2026 00:00:00 GMT\"")]
    public void The_end_of_a_pair_is_a_time_or_the_seconds_since_1970(string expires)
    {
        var imported = Parse($$"""{"access_token":"a","refresh_token":"","expires_at":{{expires}}}""");

        (imported.ExpiresAt, imported.RefreshToken).ShouldBe((new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero), null));
    }

    [Fact]
    public void An_imported_pair_may_lack_the_refresh_token()
    {
        var imported = Parse("""{"access_token":"a","expires_at":"2026-03-02T00:00:00Z"}""");

        (imported.AccessToken, imported.RefreshToken, imported.ExpiresAt).ShouldBe(("a", null, new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero)));
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "JSON")]
    [InlineData("null", "JSON")]
    [InlineData("{", "JSON")]
    [InlineData("""{"expires_at":"2026-03-02T00:00:00Z"}""", "access_token is missing")]
    [InlineData("""{"access_token":"","expires_at":"2026-03-02T00:00:00Z"}""", "access_token is empty")]
    [InlineData("""{"access_token":"a b","expires_at":"2026-03-02T00:00:00Z"}""", "access_token is empty")]
    [InlineData("""{"access_token":7,"expires_at":"2026-03-02T00:00:00Z"}""", "JSON")]
    [InlineData("""{"access_token":"a"}""", "expires_at is missing")]
    [InlineData("""{"access_token":"a","expires_at":"soon"}""", "expires_at is not a time")]
    [InlineData("""{"access_token":"a","expires_at":"2020-01-01T00:00:00Z"}""", "must be in the future")]
    [InlineData("""{"access_token":"a","expires_at":"9999-01-01T00:00:00Z"}""", "must be in the future")]
    public void A_pair_that_cannot_work_is_refused_with_what_is_wrong_with_it(string input, string complaint) =>
        Should.Throw<UsageException>(() => Parse(input)).Message.ShouldContain(complaint);

    [Fact]
    public void What_was_pasted_is_never_repeated() =>
        Should.Throw<UsageException>(() => Parse("""{"access_token":"planted secret","expires_at":"2026-03-02T00:00:00Z"}""")).Message.ShouldNotContain("planted");

    private static TokenRefresh.Jobs.Tokens.ImportedToken Parse(string json) => ImportCommand.Parse(System.Text.Encoding.UTF8.GetBytes(json), Some.Now);
}
