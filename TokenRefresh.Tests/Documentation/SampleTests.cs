using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Documentation;

/// <summary>The samples for programs in README and <c>docs/api.md</c>, each run as written except for the two addresses: against a running server and an API that checks the token, and with the server down.</summary>
public sealed class SampleTests(PostgresFixture postgres)
{
    private const string Server = "http://localhost:5080";
    private const string Api = "https://napi.jibit.ir/ide";
    private const string Away = "http://127.0.0.1:1";

    [Fact]
    public async Task Curl_reads_a_token_and_calls_the_API_with_it() =>
        (await RunAsync("sh", "# curl", BashAsync)).ShouldBe("""{"balance":7}""");

    [Fact]
    public async Task The_sample_of_README_reads_a_token_and_calls_the_API_with_it() =>
        (await RunAsync("sh", "# curl", BashAsync, "README.md")).ShouldBe("""{"balance":7}""");

    [Fact]
    public async Task PHP_reads_a_token_and_calls_the_API_with_it() =>
        (await RunAsync("php", "", PhpAsync)).ShouldBe("""{"balance":7}""");

    [Fact]
    public async Task Python_reads_a_token_and_calls_the_API_with_it() =>
        (await RunAsync("python", "", PythonAsync)).ShouldBe("{'balance': 7}");

    [Fact]
    public async Task CSharp_compiles_and_calls_the_API_with_a_token() =>
        (await RunAsync("csharp", "", CSharp.RunAsync)).ShouldBe("""{"balance":7}""");

    [Fact]
    public async Task With_the_server_down_curl_ends_with_a_failure() =>
        (await BashAsync(Text("sh", "# curl", Away, Away), "key")).ShouldSatisfyAllConditions(end => end.ExitCode.ShouldNotBe(0), end => end.Out.ShouldBe(""));

    [Fact]
    public async Task With_the_server_down_PHP_says_so_in_one_line_and_warns_of_nothing()
    {
        var end = await PhpAsync(Text("php", "", Away, Away), "key");

        (end.ExitCode, end.Out, end.Error).ShouldBe((1, "", "no token: TokenRefresh does not answer\n"));
    }

    [Fact]
    public async Task Where_there_is_no_token_PHP_says_the_code()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = 503;
            return context.Response.WriteAsJsonAsync(new { code = "provider_down" });
        });

        var end = await PhpAsync(Text("php", "", server.Address, Away), "key");

        (end.ExitCode, end.Out, end.Error).ShouldBe((1, "", "no token: provider_down\n"));
    }

    [Fact]
    public async Task With_the_server_down_Python_ends_with_a_failure() =>
        (await PythonAsync(Text("python", "", Away, Away), "key")).ExitCode.ShouldNotBe(0);

    private async Task<string> RunAsync(string language, string begins, Func<string, string, Task<SampleEnd>> run, string file = "api.md")
    {
        await using var server = await RunningServer.StartAsync(postgres);
        var key = await server.Services.GetRequiredService<ClientKeys>().IssueAsync("sample", "*", "a test", TestContext.Current.CancellationToken);
        await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(TestContext.Current.CancellationToken);
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        await RunningServer.UntilAsync(async () => (await server.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token served");
        var token = System.Text.Json.JsonDocument.Parse(await server.Http.GetStringAsync("/api/tokens/jibit/access-token")).RootElement.GetProperty("access_token").GetString();
        await using var api = await LoopbackServer.StartAsync(context =>
        {
            var isRight = context.Request.Headers.Authorization == $"Bearer {token}" && context.Request.Path == "/v1/balances";
            context.Response.StatusCode = isRight ? 200 : 404;
            return context.Response.WriteAsync(isRight ? """{"balance":7}""" : "");
        });

        var end = await run(Text(language, begins, server.App.Urls.First(), api.Address, file), key);

        (end.ExitCode, end.Error).ShouldBe((0, ""), end.Out);
        return end.Out.Trim();
    }

    private static string Text(string language, string begins, string server, string api, string file = "api.md") =>
        Snippet.All.Single(snippet => snippet.Name.StartsWith(file, StringComparison.Ordinal) && snippet.Language == language && snippet.Text.StartsWith(begins, StringComparison.Ordinal)).Text
            .Replace(Server, server, StringComparison.Ordinal).Replace(Api, api, StringComparison.Ordinal);

    private static Task<SampleEnd> BashAsync(string text, string key) => Sample.RunAsync("bash", ["-c", text.Replace("curl -H", "curl -s -H", StringComparison.Ordinal)], new() { ["KEY"] = key });

    private static Task<SampleEnd> PhpAsync(string text, string key) => InterpretAsync("php", text, key);

    private static Task<SampleEnd> PythonAsync(string text, string key) => InterpretAsync("python3", text, key);

    private static async Task<SampleEnd> InterpretAsync(string program, string text, string key)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, text);
            return await Sample.RunAsync(program, [file], new() { ["TOKENREFRESH_KEY"] = key });
        }
        finally
        {
            File.Delete(file);
        }
    }
}
