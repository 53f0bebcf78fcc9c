using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

/// <summary>What only real sockets can show.</summary>
public sealed class ProviderSocketTests
{
    private static readonly TokenOrder Order = ProviderWorld.Order();

    [Fact]
    public async Task A_redirect_is_refused_and_not_followed()
    {
        var asked = 0;
        await using var server = await LoopbackServer.StartAsync(http =>
        {
            Interlocked.Increment(ref asked);
            http.Response.Redirect("/elsewhere", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        });
        using var world = At(server.Address);

        var failure = (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse);

        failure.Reason.ShouldContain("redirect");
        failure.HttpStatus.ShouldBe(307);
        asked.ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_of_sixty_megabytes_is_refused_long_before_its_end(bool statesItsLength)
    {
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            http.Response.ContentLength = statesItsLength ? 60 * 1024 * 1024 : null;
            var part = Encoding.ASCII.GetBytes(new string(' ', 64 * 1024));
            for (var sent = 0; sent < 2 * 1024 * 1024; sent += part.Length)
            {
                await http.Response.Body.WriteAsync(part, http.RequestAborted);
            }

            // The rest never comes, so who waits for it waits for ever.
            await Aborted(http);
        });
        using var world = At(server.Address);

        var failure = (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse);

        failure.Reason.ShouldBe("HTTP 200: the answer is larger than 1 MB");
    }

    [Fact]
    public async Task An_answer_that_does_not_begin_is_given_up_at_the_time_out()
    {
        var asked = new TaskCompletionSource();
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            asked.SetResult();
            await Aborted(http);
        });
        using var world = At(server.Address);

        var call = world.Jibit.AcquireAsync(Order, default);
        await asked.Task;
        world.Clock.Advance(TimeSpan.FromSeconds(30));

        (await call).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBe("no answer within 30 s");
    }

    [Fact]
    public async Task An_answer_that_begins_and_does_not_end_is_given_up_too()
    {
        var begun = new TaskCompletionSource();
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            await http.Response.WriteAsync("{ \"accessToken\":", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            begun.SetResult();
            await Aborted(http);
        });
        using var world = At(server.Address);

        // The server has sent the head; whether the client has read it yet is a race, and either reason is true then.
        var call = world.Jibit.AcquireAsync(Order, default);
        await begun.Task;
        world.Clock.Advance(TimeSpan.FromSeconds(31));

        (await call).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBeOneOf("no answer within 30 s", "no complete answer within 30 s");
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_middle_of_an_answer_is_a_provider_that_is_down()
    {
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            http.Response.ContentLength = 1000;
            await http.Response.WriteAsync("{ \"accessToken\":", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            http.Abort();
        });
        using var world = At(server.Address);

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldStartWith("connection");
    }

    [Fact]
    public async Task A_refused_connection_is_called_one()
    {
        using var world = At($"http://127.0.0.1:{UnusedPort()}");

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBe("connection refused");
    }

    [Fact]
    public async Task No_secure_connection_is_called_one()
    {
        await using var server = await LoopbackServer.StartAsync(_ => Task.CompletedTask);
        using var world = At(server.Address.Replace("http:", "https:", StringComparison.Ordinal));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBe("no secure connection (TLS)");
    }

    [Fact]
    public async Task A_cookie_is_not_given_back()
    {
        var cookies = new List<string>();
        await using var server = await LoopbackServer.StartAsync(http =>
        {
            cookies.Add(http.Request.Headers.Cookie.ToString());
            http.Response.Cookies.Append("session", "1");
            return Task.CompletedTask;
        });
        using var world = At(server.Address);

        await world.Jibit.AcquireAsync(Order, default);
        await world.Jibit.AcquireAsync(Order, default);

        cookies.ShouldBe(["", ""]);
    }

    [Fact]
    public async Task A_delete_carries_its_body_over_the_wire()
    {
        var seen = "";
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            using var body = new StreamReader(http.Request.Body);
            seen = $"{http.Request.Method} {http.Request.Path} {await body.ReadToEndAsync(http.RequestAborted)}";
            await http.Response.WriteAsync("""{ "status": "DONE" }""", http.RequestAborted);
        });
        using var world = At(server.Address);

        (await world.Finnotech.RevokeAsync(Order, new("access-1", null), default)).ShouldBeNull();

        seen.ShouldBe("""DELETE /dev/v2/clients/demo-app/token {"token":"access-1","token_type":"CLIENT-CREDENTIAL"}""");
    }

    private static ProviderWorld At(string address) => ProviderWorld.OnSockets(("Providers:Jibit:BaseUrl", address), ("Providers:Finnotech:BaseUrl", address));

    private static async Task Aborted(HttpContext http)
    {
        var end = new TaskCompletionSource();
        await using var aborted = http.RequestAborted.Register(end.SetResult);
        await end.Task;
    }

    private static int UnusedPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
