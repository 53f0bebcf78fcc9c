using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Server.Sandbox;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Providers;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class SandboxRoutingTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Fact]
    public async Task A_request_for_the_sandbox_reaches_this_process()
    {
        using var http = Host.Services.GetRequiredService<IHttpClientFactory>().CreateClient("any");

        var answer = await http.SendAsync(Post("http://sandbox.invalid" + JibitCalls.Generate, JibitCalls.Keys), Stop).ReadAsync();

        answer.Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("http://127.0.0.1:5080", "http://127.0.0.1:5080/sandbox/jibit/ide?a=b")]
    [InlineData("http://localhost:5080", "http://localhost:5080/sandbox/jibit/ide?a=b")]
    [InlineData("http://0.0.0.0:5080", "http://127.0.0.1:5080/sandbox/jibit/ide?a=b")]
    [InlineData("http://[::]:5080", "http://127.0.0.1:5080/sandbox/jibit/ide?a=b")]
    [InlineData("http://[::1]:5080", "http://[::1]:5080/sandbox/jibit/ide?a=b")]
    [InlineData("http://*:80", "http://127.0.0.1/sandbox/jibit/ide?a=b")]
    [InlineData("http://+:5080", "http://127.0.0.1:5080/sandbox/jibit/ide?a=b")]
    [InlineData("https://127.0.0.1:5081 http://unix:/tmp/sock http://10.0.0.4:5080", "http://10.0.0.4:5080/sandbox/jibit/ide?a=b")]
    public async Task The_address_is_where_this_process_listens(string listening, string reached) =>
        (await ReachedAsync("http://sandbox.invalid/sandbox/jibit/ide?a=b", new Listening(listening.Split(' ')))).ShouldBe(reached);

    [Fact]
    public async Task Other_requests_pass_untouched() =>
        (await ReachedAsync("https://napi.jibit.ir/ide", new Listening("http://127.0.0.1:5080"))).ShouldBe("https://napi.jibit.ir/ide");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_process_that_serves_no_plain_http_has_no_sandbox(bool serves)
    {
        var error = await Should.ThrowAsync<HttpRequestException>(
            () => ReachedAsync("http://sandbox.invalid/", serves ? new Listening("https://127.0.0.1:5081") : null));

        error.Message.ShouldContain("plain http");
    }

    private static async Task<string> ReachedAsync(string asked, IServer? server)
    {
        using var last = new StubHttp();
        last.Reply(200, "");
        using var http = new HttpMessageInvoker(new SandboxRouting(server) { InnerHandler = last });
        using var request = new HttpRequestMessage(HttpMethod.Get, asked);
        using var response = await http.SendAsync(request, Stop);
        return last.Sent.ShouldHaveSingleItem().Address.AbsoluteUri;
    }

    /// <summary>A server of which nothing is known but its addresses.</summary>
    private sealed class Listening : IServer
    {
        public Listening(params string[] addresses)
        {
            var feature = new ServerAddressesFeature();
            Array.ForEach(addresses, feature.Addresses.Add);
            Features.Set<IServerAddressesFeature>(feature);
        }

        public IFeatureCollection Features { get; } = new FeatureCollection();

        public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
            where TContext : notnull => throw new NotSupportedException();

        public Task StopAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
