using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Most tests call the program in processes that are kept warm; here it is called as people call it, and nothing is different.</summary>
public sealed class WarmProcessTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("db status", 0)]
    [InlineData("users list", 0)]
    [InlineData("clients list", 0)]
    [InlineData("logs show", 0)]
    [InlineData("schedule list", 0)]
    public async Task A_verb_says_the_same_in_a_process_of_its_own(string call, int exitCode)
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());

        var warm = await ServerProcess.RunAsync(settings, call.Split(' '));
        var own = await ServerProcess.RunAloneAsync(settings, call.Split(' '));

        own.ShouldBe(warm);
        own.ExitCode.ShouldBe(exitCode, own.Error);
        (own.Out + own.Error).ShouldNotBeEmpty();
    }

    [Theory]
    [InlineData("keys rotate", 0, "Every stored secret is encrypted with the key ")]
    [InlineData("notify test --to ops@example.com", 1, "written to disk: ")]
    public async Task A_verb_that_says_something_else_each_time_works_in_a_process_of_its_own(string call, int exitCode, string said)
    {
        await using var data = new DataFolder();

        var own = await ServerProcess.RunAloneAsync(data.VerbSettings(await postgres.CreateMigratedDatabaseAsync()), call.Split(' '));

        own.ExitCode.ShouldBe(exitCode, own.Error);
        own.Out.ShouldContain(said);
    }

    [Fact]
    public async Task What_is_set_for_one_call_the_next_one_does_not_see()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings(await postgres.CreateMigratedDatabaseAsync());
        for (var round = 0; round < 4; round++)
        {
            (await ServerProcess.RunAsync(new Dictionary<string, string>(settings) { ["TokenRefresh__Queue__Workers"] = "0" }, "users", "list")).ExitCode.ShouldBe(2);
            (await ServerProcess.RunAsync(settings, "users", "list")).ExitCode.ShouldBe(0);
        }
    }
}
