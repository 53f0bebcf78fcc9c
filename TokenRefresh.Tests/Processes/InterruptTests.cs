using System.Net;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>The program stopped while a provider holds its answer.</summary>
public sealed class InterruptTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_stop_in_the_middle_of_a_call_saves_the_answer_and_leaves_no_postgres(string signal)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, "");
        var answer = new TaskCompletionSource<HttpStatusCode>();
        stub.Before = context => answer.Task.WaitAsync(context.RequestAborted);
        await using var server = await ServerProcess.ServeAloneAsync(settings);
        await server.UntilAsync(() => Task.FromResult(!stub.Calls.IsEmpty), "a call held by the provider");

        server.Signal(signal);
        await server.UntilAsync(async () => !await AnswersAsync(server), "the server serves no more");

        // Longer than a parser of command lines would wait by itself.
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System);
        answer.SetResult(HttpStatusCode.OK);
        var end = await server.EndAsync();

        end.ExitCode.ShouldBe(0, end.Error);
        data.PostgresProcesses().ShouldBeEmpty();
        var log = await ServerProcess.RunAsync(settings, "logs", "show", "--token", "jibit", "--json");
        log.Out.ShouldContain("\"status\": \"success\"");
        log.Out.ShouldNotContain("\"status\": \"running\"");
        stub.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_verb_that_is_stopped_in_the_middle_of_some_calls_while_others_wait_saves_the_answers()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        settings["Providers__Jibit__MaxConcurrency"] = "1";
        settings["Tokens__other__Provider"] = "jibit";
        var answer = new TaskCompletionSource<HttpStatusCode>();
        stub.Before = context => answer.Task.WaitAsync(context.RequestAborted);
        await using var verb = ServerProcess.Start(settings, "tokens", "auto-refresh", "--sync");
        await verb.UntilAsync(() => Task.FromResult(!stub.Calls.IsEmpty), "a call held by the provider");

        verb.Signal("INT");

        // A busy machine needs its time to tell the verb; nothing of that is seen from here.
        await Task.Delay(TimeSpan.FromSeconds(12), TimeProvider.System);
        answer.SetResult(HttpStatusCode.OK);
        await verb.EndAsync();

        var log = await ServerProcess.RunAsync(settings, "logs", "show", "--json");
        log.Out.ShouldContain("\"status\": \"success\"");
        log.Out.ShouldNotContain("\"status\": \"running\"");
        stub.Calls.Count.ShouldBe(1);
    }

    private static async Task<bool> AnswersAsync(ServerProcess server)
    {
        try
        {
            using var answer = await server.Http.GetAsync("/health/live");
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
