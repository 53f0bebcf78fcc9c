using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

public sealed class ProviderCallTests : IDisposable
{
    private static readonly TokenOrder Order = ProviderWorld.Order();

    private readonly ProviderWorld world = new();

    public static TheoryData<Exception, string> StalledComponents => new()
    {
        { new HttpRequestException("x", new SocketException((int)SocketError.ConnectionRefused)), "connection refused" },
        { new HttpRequestException("x", new SocketException((int)SocketError.HostNotFound)), "host name not found" },
        { new HttpRequestException("x", new SocketException((int)SocketError.TimedOut)), "connection timed out" },
        { new HttpRequestException("x", new IOException("x", new SocketException((int)SocketError.ConnectionReset))), "connection failed (ConnectionReset)" },
        { new HttpRequestException("x", new AuthenticationException("x")), "no secure connection (TLS)" },
        { new HttpRequestException("x"), "connection broken before the answer was complete" },
        { new HttpRequestException("x", new IOException("x")), "connection broken before the answer was complete" },
        { new HttpRequestException("x", new ObjectDisposedException("x")), "connection broken before the answer was complete" },

        // The shape in which SocketsHttpHandler reports its ConnectTimeout.
        { new TaskCanceledException("x", new TimeoutException("x", new TaskCanceledException())), "connection timed out" },
    };

    public void Dispose() => world.Dispose();

    [Theory]
    [MemberData(nameof(StalledComponents), DisableDiscoveryEnumeration = true)]
    public async Task A_silence_is_a_provider_that_is_down_with_a_reason_that_says_which(Exception silence, string reason)
    {
        world.Http.Throw(silence);

        var failure = (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown);

        failure.Reason.ShouldBe(reason);
        failure.HttpStatus.ShouldBeNull();
    }

    [Fact]
    public async Task A_mistake_of_this_program_is_no_failure_of_the_provider()
    {
        world.Http.Throw(new InvalidOperationException("a mistake"));

        (await Should.ThrowAsync<Exception>(() => world.Jibit.AcquireAsync(Order, default))).GetBaseException().Message.ShouldBe("a mistake");
    }

    [Fact]
    public async Task No_answer_within_the_time_out_is_told_with_the_time()
    {
        var waiting = world.Http.NeverReply();

        var call = world.Jibit.AcquireAsync(Order, default);
        await waiting;
        world.Clock.Advance(TimeSpan.FromSeconds(30));

        (await call).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBe("no answer within 30 s");
    }

    [Fact]
    public async Task The_time_out_is_the_provider_s_own()
    {
        using var patient = new ProviderWorld(("Providers:Jibit:Timeout", "00:00:45"));
        var waiting = patient.Http.NeverReply();

        var call = patient.Jibit.AcquireAsync(Order, default);
        await waiting;
        patient.Clock.Advance(TimeSpan.FromSeconds(44));
        call.IsCompleted.ShouldBeFalse();
        patient.Clock.Advance(TimeSpan.FromSeconds(1));

        (await call).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBe("no answer within 45 s");
    }

    [Fact]
    public async Task The_job_s_limit_ends_a_call_with_a_reason_of_its_own()
    {
        using var limit = new CancellationTokenSource();
        var waiting = world.Http.NeverReply();

        var call = world.Jibit.AcquireAsync(Order, limit.Token);
        await waiting;
        await limit.CancelAsync();

        (await call).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldBe("stopped by the job's timeout");
    }

    [Theory]
    [InlineData("120", 120.0)]
    [InlineData("864000", 86400.0)]
    [InlineData("1.5", 1.5)]
    [InlineData("99999999999999999999", 86400.0)]
    [InlineData("0", null)]
    [InlineData("-5", null)]
    [InlineData("soon", null)]
    public async Task Retry_After_in_seconds_is_bounded_by_a_day(string header, double? seconds)
    {
        world.Http.Reply(429, "", "text/plain", ("Retry-After", header));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.RateLimited).RetryAfter
            .ShouldBe(seconds is { } known ? TimeSpan.FromSeconds(known) : null);
    }

    [Theory]
    [InlineData(5, 300)]
    [InlineData(60 * 48, 86400)]
    [InlineData(-5, null)]
    public async Task Retry_After_as_a_date_counts_from_now(int minutesAhead, int? seconds)
    {
        world.Http.Reply(503, "", "text/plain", ("Retry-After", ProviderWorld.Now.AddMinutes(minutesAhead).ToString("R", CultureInfo.InvariantCulture)));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).RetryAfter
            .ShouldBe(seconds is { } known ? TimeSpan.FromSeconds(known) : null);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(-60)]
    public async Task Retry_After_as_a_date_is_read_against_the_provider_s_own_clock(int minutesOfDifference)
    {
        var theirs = ProviderWorld.Now.AddMinutes(minutesOfDifference);
        world.Http.Reply(503, "", "text/plain", ("Retry-After", theirs.AddMinutes(2).ToString("R", CultureInfo.InvariantCulture)), ("Date", theirs.ToString("R", CultureInfo.InvariantCulture)));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).RetryAfter.ShouldBe(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task A_proxy_that_wants_a_password_is_named_and_not_the_provider()
    {
        world.Http.Reply(407, "<html>Proxy Authentication Required</html>", "text/html");

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).Reason.ShouldStartWith("HTTP 407 from the proxy, not from the provider");
    }

    [Theory]
    [InlineData("407", "HTTP 407 from the proxy, not from the provider: the proxy in HTTPS_PROXY or HTTP_PROXY needs a user name and password")]
    [InlineData("503", "HTTP 503 from the proxy in HTTPS_PROXY, not from the provider")]
    public async Task A_proxy_that_makes_no_tunnel_is_named_with_its_status_and_without_its_address(string status, string reason)
    {
        world.Http.Throw(new HttpRequestException(HttpRequestError.ProxyTunnelError, $"The proxy tunnel request to proxy 'http://planted:secret@10.1.2.3:3128/' failed with status code '{status}'.\""));

        var failure = (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown);

        failure.Reason.ShouldStartWith(reason);
        failure.Reason.ShouldNotContain("planted");
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(304)]
    [InlineData(307)]
    public async Task A_redirect_is_an_invalid_answer(int status)
    {
        world.Http.Reply(status, "", "text/html", ("Location", "https://elsewhere.example/login"));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe($"HTTP {status}: a redirect, which is not followed");
        world.Http.Sent.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_failed_call_is_never_repeated()
    {
        world.Http.Reply(503, "");

        await world.Jibit.RenewAsync(Order, new("a", "r"), default);

        world.Http.Sent.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_foreign_track_id_is_shown_in_printable_characters_only()
    {
        world.Http.Reply(500, "", "text/plain", ("X-TRACK-ID", "a\u00e9b" + new string('x', 200)));

        (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown).TrackId!.Length.ShouldBe(64);
    }
}
