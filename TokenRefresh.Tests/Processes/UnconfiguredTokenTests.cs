using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary><c>tokens auto-refresh</c> of a token whose provider has no credentials.</summary>
public sealed class UnconfiguredTokenTests(PostgresFixture postgres)
{
    private const string Missing = "set Providers__Finnotech__ClientId, Providers__Finnotech__ClientSecret, Providers__Finnotech__NationalId";

    [Theory]
    [InlineData("")]
    [InlineData("--force")]
    public async Task Named_and_here_and_now_it_fails_and_says_what_to_set(string further)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());

        var end = await ServerProcess.RunAsync(settings, Words($"tokens auto-refresh --token fino_kyc --sync {further}"));

        end.ExitCode.ShouldBe(1, end.Error);
        end.Out.ShouldBe($"fino_kyc: not configured: {Missing}.");
    }

    [Fact]
    public async Task Named_and_through_the_queue_it_fails_says_what_to_set_and_no_job_is_made()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());

        var end = await ServerProcess.RunAsync(settings, Words("tokens auto-refresh --token fino_kyc"));

        (end.ExitCode, end.Out).ShouldBe((1, ""), end.Error);
        end.ErrorLines.ShouldHaveSingleItem().ShouldBe($"fino_kyc is not configured: {Missing}.");
        (await ServerProcess.RunAsync(settings, "queue", "status", "--json")).Out.ShouldContain("\"enqueued\": 0");
    }

    [Fact]
    public async Task Among_all_that_were_asked_for_it_is_told_and_is_no_failure()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());

        var end = await ServerProcess.RunAsync(settings, Words("tokens auto-refresh --sync"));

        end.ExitCode.ShouldBe(0, end.Error);
        end.Out.ShouldStartWith("jibit: refreshed, expires ");
        end.Error.ShouldContain($"fino_kyc is not configured: {Missing}.");
    }

    private static string[] Words(string call) => call.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
