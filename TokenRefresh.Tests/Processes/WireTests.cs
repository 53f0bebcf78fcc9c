using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Processes;

/// <summary>What the program sends, and what it makes of what comes back, through its own process and real sockets.</summary>
public sealed class WireTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_long_token_in_an_answer_that_was_compressed_unasked_and_is_no_utf_8_is_stored_and_served()
    {
        var token = new string('t', 64 * 1024);
        var sent = new ConcurrentQueue<(long? Length, string UserAgent)>();
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        stub.Before = async context =>
        {
            sent.Enqueue((context.Request.ContentLength, context.Request.Headers.UserAgent.ToString()));
            context.Response.ContentType = "text/plain; charset=utf-16";
            context.Response.Headers.ContentEncoding = "gzip";
            await using var packed = new GZipStream(context.Response.Body, CompressionLevel.Fastest);
            await packed.WriteAsync(Encoding.Unicode.GetBytes($$"""{"accessToken":"{{token}}","refreshToken":"r","trace":[[[]]],"trace":1}"""));
            return HttpStatusCode.OK;
        };
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        settings["TokenRefresh__Http__UserAgent"] = "Lookups/7";
        await using var server = await ServerProcess.ServeAsync(settings);
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", await ServerProcess.DoneAsync(settings, "clients add reader --tokens jibit"));

        await server.UntilAsync(async () => (await server.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token served");

        JsonDocument.Parse(await server.Http.GetStringAsync("/api/tokens/jibit/access-token")).RootElement.GetProperty("access_token").GetString().ShouldBe(token);
        sent.ShouldAllBe(request => request.Length > 0 && request.UserAgent == "Lookups/7");
    }

    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public async Task A_proxy_that_answers_407_is_named_by_the_verb(string scheme)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        await using var proxy = await LoopbackServer.StartAsync(context =>
        {
            context.Response.StatusCode = StatusCodes.Status407ProxyAuthenticationRequired;
            context.Response.Headers.ProxyAuthenticate = "Basic realm=\"proxy\"";
            return Task.CompletedTask;
        });
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        settings["Providers__Jibit__BaseUrl"] = $"{scheme}://provider.invalid";
        settings["http_proxy"] = settings["https_proxy"] = proxy.Address;

        var end = await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--sync");

        end.ExitCode.ShouldBe(1);
        (end.Out + end.Error).ReplaceLineEndings(" ").ShouldContain("HTTP 407 from the proxy");
    }
}
