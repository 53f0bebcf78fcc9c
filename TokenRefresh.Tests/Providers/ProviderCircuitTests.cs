using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

public sealed class ProviderCircuitTests : IDisposable
{
    private static readonly TokenOrder Order = ProviderWorld.Order();

    private readonly ProviderWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public async Task Twenty_unanswered_calls_open_the_circuit_for_half_a_minute()
    {
        await FailAsync(20);

        var failure = (await world.Jibit.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.ProviderDown);

        failure.Reason.ShouldStartWith("circuit breaker open");
        failure.RetryAfter.ShouldBe(TimeSpan.FromSeconds(30));
        failure.TrackId.ShouldBeNull();
        world.Jibit.CircuitOpenUntil.ShouldBe(ProviderWorld.Now.AddSeconds(30));
        world.Http.Sent.Count.ShouldBe(20);
    }

    [Fact]
    public async Task Nineteen_do_not()
    {
        await FailAsync(19);

        world.Jibit.CircuitOpenUntil.ShouldBeNull();
    }

    [Fact]
    public async Task Connect_time_outs_open_it_too()
    {
        await FailAsync(20, () => world.Http.Throw(new TaskCanceledException("x", new TimeoutException())));

        world.Jibit.CircuitOpenUntil.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(429)]
    public async Task A_refusal_is_an_answer_and_opens_nothing(int status)
    {
        await FailAsync(30, () => world.Http.Reply(status, """{ "code": "x" }"""));

        world.Jibit.CircuitOpenUntil.ShouldBeNull();
        world.Http.Sent.Count.ShouldBe(30);
    }

    [Fact]
    public async Task One_answer_among_the_failures_keeps_it_closed()
    {
        await FailAsync(10);
        world.Http.Reply(401, "");
        await world.Jibit.AcquireAsync(Order, default);
        await FailAsync(10);

        world.Jibit.CircuitOpenUntil.ShouldBeNull();
    }

    [Fact]
    public async Task Calls_that_the_job_s_limit_ended_open_nothing()
    {
        for (var call = 0; call < 25; call++)
        {
            using var limit = new CancellationTokenSource();
            var waiting = world.Http.NeverReply();
            var answer = world.Jibit.AcquireAsync(Order, limit.Token);
            await waiting;
            await limit.CancelAsync();
            await answer;
        }

        world.Jibit.CircuitOpenUntil.ShouldBeNull();
    }

    [Fact]
    public async Task After_the_break_one_good_answer_closes_it()
    {
        await FailAsync(20);
        world.Clock.Advance(TimeSpan.FromSeconds(31));
        world.Jibit.CircuitOpenUntil.ShouldBeNull();
        world.Http.Reply(200, """{ "accessToken": "a", "refreshToken": "r" }""");
        world.Http.Reply(200, """{ "accessToken": "a", "refreshToken": "r" }""");

        (await world.Jibit.AcquireAsync(Order, default)).ShouldBeIssued();
        (await world.Jibit.AcquireAsync(Order, default)).ShouldBeIssued();
    }

    [Fact]
    public async Task After_the_break_one_more_failure_opens_it_again()
    {
        await FailAsync(20);
        world.Clock.Advance(TimeSpan.FromSeconds(31));

        await FailAsync(1);

        world.Jibit.CircuitOpenUntil.ShouldBe(ProviderWorld.Now.AddSeconds(61));
    }

    [Fact]
    public async Task One_provider_s_circuit_is_not_another_s()
    {
        await FailAsync(20);
        world.Http.Reply(200, """{ "result": { "value": "v" }, "status": "DONE" }""");

        (await world.Finnotech.AcquireAsync(ProviderWorld.Order("fino", "a:b:get"), default)).ShouldBeIssued();
        world.Finnotech.CircuitOpenUntil.ShouldBeNull();
    }

    private async Task FailAsync(int times, Action? prepare = null)
    {
        for (var call = 0; call < times; call++)
        {
            (prepare ?? (() => world.Http.Reply(503, "")))();
            await world.Jibit.AcquireAsync(Order, default);
        }
    }
}
