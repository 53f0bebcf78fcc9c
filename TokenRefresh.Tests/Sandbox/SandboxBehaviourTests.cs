using System.Text.Json.Nodes;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class SandboxBehaviourTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task Down_breaks_every_connection(string provider)
    {
        await BehaveAsync(provider, """{"mode":"down"}""");

        await Should.ThrowAsync<HttpRequestException>(() => AcquireAsync(provider));
        await Should.ThrowAsync<HttpRequestException>(() => ProbeAsync(provider, "unknown"));
    }

    [Theory]
    [InlineData("500", 500, "server.error")]
    [InlineData("503", 503, "providers.not_available")]
    [InlineData("429", 429, "daily_limit.reached")]
    [InlineData("401", 401, "invalid.credentials")]
    public async Task Jibit_fails_in_its_own_words(string mode, int status, string code)
    {
        await BehaveAsync("jibit", $$"""{"mode":"{{mode}}"}""");

        var answer = await Host.GenerateAsync();

        (answer.Status, answer.Code).ShouldBe((status, code));
    }

    [Theory]
    [InlineData("500", 500, "INTERNAL_SERVER_ERROR")]
    [InlineData("503", 503, "SERVICE_UNAVAILABLE")]
    [InlineData("429", 429, "TOO_MANY_REQUESTS")]
    [InlineData("401", 401, "UNAUTHORIZED")]
    public async Task Finnotech_fails_in_its_own_words(string mode, int status, string code)
    {
        await BehaveAsync("finnotech", $$"""{"mode":"{{mode}}"}""");

        var answer = await Host.TokenAsync(FinnotechCalls.Credentials);

        answer.Status.ShouldBe(status);
        ((string?)answer.Json["status"]).ShouldBe("FAILED");
        answer.Error.ShouldStartWith(code + ": ");
    }

    [Fact]
    public async Task Refused_credentials_refuse_a_refresh_and_a_bearer_too()
    {
        var (jibit, finnotech) = (await Host.AcquireAsync(), await Host.AcquireFinnotechAsync());
        await BehaveAsync("jibit", """{"mode":"401"}""");
        await BehaveAsync("finnotech", """{"mode":"401"}""");

        (await Host.RefreshAsync(jibit)).Code.ShouldBe("refreshToken.not_valid");
        (await Host.BalancesAsync(jibit.AccessToken)).Code.ShouldBe("forbidden");
        (await Host.RenewAsync(finnotech.RefreshToken)).Status.ShouldBe(401);
        (await Host.ListAsync(finnotech.Value)).Status.ShouldBe(403);
    }

    [Fact]
    public async Task One_provider_down_leaves_the_other_up()
    {
        await BehaveAsync("jibit", """{"mode":"down"}""");

        (await Host.TokenAsync(FinnotechCalls.Credentials)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("429")]
    [InlineData("503")]
    public async Task Retry_After_is_sent_when_asked_for(string mode)
    {
        await BehaveAsync("jibit", $$"""{"mode":"{{mode}}","retry_after_seconds":17}""");

        (await Host.GenerateAsync()).Headers.RetryAfter?.Delta.ShouldBe(TimeSpan.FromSeconds(17));
    }

    [Fact]
    public async Task Retry_After_is_not_sent_unless_asked_for()
    {
        await BehaveAsync("jibit", """{"mode":"429"}""");

        (await Host.GenerateAsync()).Headers.RetryAfter.ShouldBeNull();
    }

    [Fact]
    public async Task Slow_answers_after_its_delay()
    {
        await BehaveAsync("jibit", """{"mode":"slow","delay_seconds":45}""");

        var answering = Host.GenerateAsync();
        await Clock.SomebodyWaitsAsync(Stop);
        Clock.Advance(TimeSpan.FromSeconds(44));
        answering.IsCompleted.ShouldBeFalse();
        Clock.Advance(TimeSpan.FromSeconds(1));

        (await answering).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task A_lost_answer_has_rotated_the_pair_all_the_same(string provider)
    {
        var (access, refresh) = await AcquirePairAsync(provider);
        await BehaveAsync(provider, """{"mode":"lost_answer","fail_next":1}""");

        await Should.ThrowAsync<HttpRequestException>(() => RenewAsync(provider, access, refresh));

        (await RenewAsync(provider, access, refresh)).Status.ShouldBeGreaterThanOrEqualTo(400);
    }

    [Fact]
    public async Task A_lost_answer_to_an_acquire_has_issued_a_token()
    {
        await BehaveAsync("finnotech", """{"mode":"lost_answer","fail_next":1}""");
        await Should.ThrowAsync<HttpRequestException>(() => Host.TokenAsync(FinnotechCalls.Credentials));

        var answer = await Host.ListAsync((await Host.AcquireFinnotechAsync()).Value);

        answer.Json["result"]!["clientCredentials"]!.AsArray().Count.ShouldBe(2);
    }

    [Fact]
    public async Task Fail_next_strikes_that_many_token_calls_and_no_other_call()
    {
        var pair = await Host.AcquireAsync();
        await BehaveAsync("jibit", """{"mode":"503","fail_next":2}""");

        (await Host.BalancesAsync(pair.AccessToken)).Status.ShouldBe(200);
        (await Host.GenerateAsync()).Status.ShouldBe(503);
        (await Host.RefreshAsync(pair)).Status.ShouldBe(503);
        (await Host.RefreshAsync(pair)).Status.ShouldBe(200);
        (await Host.GenerateAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Fail_next_strikes_exactly_that_many_of_many_calls_at_once()
    {
        await BehaveAsync("jibit", """{"mode":"500","fail_next":5}""");

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Host.GenerateAsync()));

        answers.Count(answer => answer.Status == 500).ShouldBe(5);
    }

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task Lifetimes_are_as_short_as_asked_for(string provider)
    {
        await BehaveAsync(provider, """{"lifetime_seconds":60,"refresh_lifetime_seconds":90}""");
        var (access, refresh) = await AcquirePairAsync(provider);

        (await ProbeAsync(provider, access)).Status.ShouldBe(200);
        Clock.Advance(TimeSpan.FromSeconds(60));
        (await ProbeAsync(provider, access)).Status.ShouldBe(403);
        Clock.Advance(TimeSpan.FromSeconds(30));
        (await RenewAsync(provider, access, refresh)).Status.ShouldBeGreaterThanOrEqualTo(400);
    }

    [Fact]
    public async Task A_short_lifetime_is_stated_in_milliseconds()
    {
        await BehaveAsync("finnotech", """{"lifetime_seconds":60}""");

        ((long?)(await Host.TokenAsync(FinnotechCalls.Credentials)).Json["result"]!["lifeTime"]).ShouldBe(60_000);
    }

    [Fact]
    public async Task A_lifetime_may_be_stated_as_text()
    {
        await BehaveAsync("finnotech", """{"lifetime_as_string":true}""");

        ((string?)(await Host.TokenAsync(FinnotechCalls.Credentials)).Json["result"]!["lifeTime"]).ShouldBe("864000000");
    }

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task Without_rotation_the_same_refresh_token_comes_back_and_works_on(string provider)
    {
        await BehaveAsync(provider, """{"rotate":false}""");
        var (access, refresh) = await AcquirePairAsync(provider);

        var (newAccess, sameRefresh) = Pair(provider, await RenewAsync(provider, access, refresh));

        sameRefresh.ShouldBe(refresh);
        newAccess.ShouldNotBe(access);
        (await RenewAsync(provider, newAccess, refresh)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task An_old_refresh_token_may_be_left_alive(string provider)
    {
        await BehaveAsync(provider, """{"kill_old_refresh":false}""");
        var (access, refresh) = await AcquirePairAsync(provider);
        await RenewAsync(provider, access, refresh);

        (await RenewAsync(provider, access, refresh)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task An_old_access_token_may_die_at_once(string provider)
    {
        await BehaveAsync(provider, """{"kill_old_access":true}""");
        var (access, refresh) = await AcquirePairAsync(provider);

        var (newAccess, _) = Pair(provider, await RenewAsync(provider, access, refresh));

        (await ProbeAsync(provider, access)).Status.ShouldBe(403);
        (await ProbeAsync(provider, newAccess)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("jibit", 401)]
    [InlineData("finnotech", 400)]
    public async Task An_early_refresh_may_be_refused_without_harm(string provider, int status)
    {
        await BehaveAsync(provider, """{"early_refresh_refused":true}""");
        var (access, refresh) = await AcquirePairAsync(provider);

        (await RenewAsync(provider, access, refresh)).Status.ShouldBe(status);
        Clock.Advance(provider == "jibit" ? TimeSpan.FromHours(24) : TimeSpan.FromDays(10));
        (await RenewAsync(provider, access, refresh)).Status.ShouldBe(200);
    }

    private static (string Access, string Refresh) Pair(string provider, Answer answer)
    {
        var pair = provider == "jibit" ? answer.Json.AsObject() : answer.Json["result"]!.AsObject();
        return (Text(pair, "accessToken", "value"), Text(pair, "refreshToken"));

        static string Text(JsonObject json, params string[] names) => (string)names.Select(name => json[name]).First(node => node is not null)!;
    }

    private Task<Answer> AcquireAsync(string provider) =>
        provider == "jibit" ? Host.GenerateAsync() : Host.TokenAsync(FinnotechCalls.Credentials);

    private async Task<(string Access, string Refresh)> AcquirePairAsync(string provider) => Pair(provider, await AcquireAsync(provider));

    private Task<Answer> RenewAsync(string provider, string access, string refresh) =>
        provider == "jibit" ? Host.RefreshAsync(access, refresh) : Host.RenewAsync(refresh);

    private Task<Answer> ProbeAsync(string provider, string access) =>
        provider == "jibit" ? Host.BalancesAsync(access) : Host.ListAsync(access);
}
