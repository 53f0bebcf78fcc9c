using System.Net;
using System.Net.Http.Json;
using Shouldly;

namespace TokenRefresh.Tests.Processes;

/// <summary>The program stopped while a provider holds its answer.</summary>
public sealed class InterruptTests
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
        await using var server = await ServerProcess.ServeAsync(settings);
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
    public async Task A_stop_in_the_middle_of_a_call_that_a_program_set_off_saves_the_answer_too()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, "");
        await using var server = await ServerProcess.ServeAsync(settings);
        var key = await ServerProcess.RunAsync(settings, "clients", "add", "program", "--tokens", "jibit");
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", key.Out.Trim());
        await server.UntilAsync(async () => (await server.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token is served");
        var answer = new TaskCompletionSource<HttpStatusCode>();
        stub.Before = context => answer.Task.WaitAsync(context.RequestAborted);

        (await server.Http.PostAsJsonAsync("/api/tokens/jibit/rejected", new { version = 1 })).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await server.UntilAsync(() => Task.FromResult(stub.Calls.Count == 2), "a call held by the provider");
        server.Signal("TERM");
        await server.UntilAsync(async () => !await AnswersAsync(server), "the server serves no more");

        // No request and no job waits for the call any more.
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System);
        answer.SetResult(HttpStatusCode.OK);
        var end = await server.EndAsync();

        end.ExitCode.ShouldBe(0, end.Error);
        var log = await ServerProcess.RunAsync(settings, "logs", "show", "--token", "jibit", "--json");
        log.Out.Split("\"status\": \"success\"").Length.ShouldBe(3);
        log.Out.ShouldNotContain("\"status\": \"running\"");
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
