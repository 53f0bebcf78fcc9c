using System.Net;
using Shouldly;
using TokenRefresh.Providers.Client;
using static TokenRefresh.Tests.Providers.Client.ClientWorld;

namespace TokenRefresh.Tests.Providers.Client;

public sealed class TokenRefreshHandlerTests : IDisposable
{
    private const string Read = "GET /api/tokens/fino_kyc/access-token?min_validity=30";
    private const string Refusal = "POST /api/tokens/fino_kyc/rejected{\"version\":7}";

    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public async Task Requests_carry_the_bearer_and_one_call_to_the_server_is_enough_for_many()
    {
        await world.Api.GetAsync("/one");
        await world.Api.GetAsync("/two");

        world.ApiCalls.Select(call => call.Bearer).ShouldBe(["token-7", "token-7"]);
        world.ServerCalls.ShouldBe([Read]);
    }

    [Theory]
    [InlineData(29, 1)]
    [InlineData(31, 2)]
    public async Task A_held_token_is_asked_for_anew_shortly_before_it_dies(int minutesOfSixty, int calls)
    {
        world.Life = TimeSpan.FromMinutes(30) + TimeSpan.FromSeconds(45);
        await world.Api.GetAsync("/");
        world.Clock.Advance(TimeSpan.FromMinutes(minutesOfSixty));

        await world.Api.GetAsync("/");

        world.ServerCalls.Count.ShouldBe(calls);
    }

    [Fact]
    public async Task A_hundred_cold_callers_share_one_call_and_one_who_gives_up_stops_no_other()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.ServerWaits = answer.Task;
        using var impatience = new CancellationTokenSource();

        var impatient = world.Api.GetAsync("/", impatience.Token);
        var others = Enumerable.Range(0, 99).Select(_ => world.Api.GetAsync("/")).ToList();
        await impatience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(impatient);
        answer.SetResult();

        (await Task.WhenAll(others)).ShouldAllBe(response => response.IsSuccessStatusCode);
        world.ServerCalls.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task While_the_server_is_away_a_held_token_is_used_until_it_dies_and_then_no_request_is_sent()
    {
        world.Life = TimeSpan.FromMinutes(10);
        await world.Api.GetAsync("/");
        world.ServerSays = () => throw new HttpRequestException("refused");
        world.Clock.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));

        (await world.Api.GetAsync("/")).StatusCode.ShouldBe(HttpStatusCode.OK);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var error = await Should.ThrowAsync<TokenUnavailableException>(() => world.Api.GetAsync("/"));

        error.Code.ShouldBe("server_unreachable");
        world.ApiCalls.Count.ShouldBe(2);
    }

    [Fact]
    public async Task The_servers_reason_and_its_retry_after_reach_the_caller_and_the_key_does_not()
    {
        world.ServerSays = () =>
        {
            var problem = Json(503, """{"code":"needs_reauthorization","title":"No valid token"}""");
            problem.Headers.RetryAfter = new(TimeSpan.FromSeconds(30));
            return problem;
        };

        var error = await Should.ThrowAsync<TokenUnavailableException>(() => world.Api.GetAsync("/"));

        error.Code.ShouldBe("needs_reauthorization");
        error.RetryAfter.ShouldBe(TimeSpan.FromSeconds(30));
        error.ToString().ShouldNotContain("trk_key");
        world.ApiCalls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("<html>")]
    [InlineData("""{"access_token":"a"}""")]
    [InlineData("null")]
    public async Task A_server_that_is_none_is_told_apart(string body)
    {
        world.ServerSays = () => Json(200, body);

        (await Should.ThrowAsync<TokenUnavailableException>(() => world.Api.GetAsync("/"))).Code.ShouldBe("server_unreachable");
    }

    [Theory]
    [InlineData(401, "")]
    [InlineData(403, """{"status":"FAILED","error":{"code":"VALIDATION_ERROR","message":"invalid token"}}""")]
    [InlineData(400, """{"message":"invalid token"}""")]
    [InlineData(403, """{"error":{"code":"UNAUTHORIZED"}}""")]
    [InlineData(403, """{"code":"forbidden","message":"no"}""")]
    [InlineData(400, """{"errors":[{"code":"forbidden"}]}""")]
    public async Task A_refused_token_is_reported_and_the_same_request_is_sent_once_more_with_its_replacement(int status, string body)
    {
        world.OnReport = _ => world.Version = 8;
        world.ApiSays = bearer => bearer == "token-7" ? Json(status, body) : new(HttpStatusCode.OK);

        var response = await world.Api.PostAsync("/inquiry", new StringContent("the body"));

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        world.ApiCalls.ShouldBe([("token-7", "the body"), ("token-8", "the body")]);
        world.ServerCalls.ShouldBe([Read, Refusal, Read]);
    }

    [Fact]
    public async Task A_streamed_body_is_not_held_so_its_refusal_is_the_callers_and_the_next_request_has_the_replacement()
    {
        world.OnReport = _ => world.Version = 8;
        world.ApiSays = bearer => bearer == "token-7" ? new(HttpStatusCode.Unauthorized) : new(HttpStatusCode.OK);
        var body = System.IO.Pipelines.PipeReader.Create(new System.Buffers.ReadOnlySequence<byte>("a stream"u8.ToArray())).AsStream();

        var refused = await world.Api.PostAsync("/upload", new StreamContent(body));
        var next = await world.Api.GetAsync("/");

        (refused.StatusCode, next.StatusCode).ShouldBe((HttpStatusCode.Unauthorized, HttpStatusCode.OK));
        world.ApiCalls.ShouldBe([("token-7", "a stream"), ("token-8", "")]);
    }

    [Theory]
    [InlineData(1024 * 1024, 2)]
    [InlineData((1024 * 1024) + 1, 1)]
    public async Task A_body_of_more_than_a_megabyte_is_sent_once(int length, int times)
    {
        world.OnReport = _ => world.Version = 8;
        world.ApiSays = bearer => bearer == "token-7" ? new(HttpStatusCode.Unauthorized) : new(HttpStatusCode.OK);

        await world.Api.PostAsync("/upload", new ByteArrayContent(new byte[length]));

        world.ApiCalls.Count.ShouldBe(times);
    }

    [Fact]
    public async Task Json_that_is_written_as_it_is_sent_is_sent_once_more_too()
    {
        world.OnReport = _ => world.Version = 8;
        world.ApiSays = bearer => bearer == "token-7" ? new(HttpStatusCode.Unauthorized) : new(HttpStatusCode.OK);

        await world.Api.PostAsync("/inquiry", System.Net.Http.Json.JsonContent.Create(new { iban = 1 }));

        world.ApiCalls.ShouldBe([("token-7", "{\"iban\":1}"), ("token-8", "{\"iban\":1}")]);
    }

    [Fact]
    public async Task An_older_version_from_a_node_of_the_server_that_lags_does_not_replace_a_newer_one()
    {
        world.Version = 8;
        world.Life = TimeSpan.FromSeconds(25);
        (await world.Client.GetAsync("fino_kyc", default)).Version.ShouldBe(8);
        world.Version = 7;

        (await world.Client.GetAsync("fino_kyc", default)).Version.ShouldBe(8);
    }

    [Theory]
    [InlineData(403, "")]
    [InlineData(403, """{"error":{"code":"FORBIDDEN","message":"scope"}}""")]
    [InlineData(400, """{"code":"identity.not_found"}""")]
    [InlineData(404, "<html>")]
    [InlineData(500, """{"code":"forbidden"}""")]
    public async Task Any_other_refusal_is_the_callers_and_can_still_be_read(int status, string body)
    {
        world.ApiSays = _ => Json(status, body);

        var response = await world.Api.GetAsync("/");

        ((int)response.StatusCode).ShouldBe(status);
        (await response.Content.ReadAsStringAsync()).ShouldBe(body);
        world.ServerCalls.ShouldBe([Read]);
    }

    [Fact]
    public async Task A_renewal_that_takes_a_while_is_waited_for()
    {
        world.ApiSays = bearer => bearer == "token-7" ? new(HttpStatusCode.Unauthorized) : new(HttpStatusCode.OK);
        world.OnReport = _ => world.Clock.CreateTimer(_ => world.Version = 8, null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);

        var response = await world.WithTimePassingAsync(world.Api.GetAsync("/"));

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        world.ServerCalls.Count(call => call == Refusal).ShouldBe(1);
    }

    [Fact]
    public async Task Without_a_replacement_in_time_the_refusal_itself_is_returned()
    {
        world.ApiSays = _ => new(HttpStatusCode.Unauthorized);

        var response = await world.WithTimePassingAsync(world.Api.GetAsync("/"));

        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        world.ApiCalls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_api_that_refuses_every_token_costs_one_report_a_minute()
    {
        world.OnReport = version => world.Version = version + 1;
        world.ApiSays = _ => new(HttpStatusCode.Unauthorized);

        for (var request = 0; request < 5; request++)
        {
            (await world.Api.GetAsync("/")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }

        world.ServerCalls.Count(call => call.StartsWith("POST", StringComparison.Ordinal)).ShouldBe(1);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.Api.GetAsync("/");
        world.ServerCalls.Count(call => call.StartsWith("POST", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task A_crowd_of_refused_requests_is_one_report()
    {
        await world.Api.GetAsync("/");
        world.OnReport = _ => world.Version = 8;
        world.ApiSays = bearer => bearer == "token-7" ? new(HttpStatusCode.Unauthorized) : new(HttpStatusCode.OK);

        var responses = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => world.Api.GetAsync("/"))));

        responses.ShouldAllBe(response => response.IsSuccessStatusCode);
        world.ServerCalls.Count(call => call == Refusal).ShouldBe(1);
    }

    [Fact]
    public async Task Settings_change_how_early_and_how_long()
    {
        using var other = new ClientWorld(options => options.EarlyBy = TimeSpan.FromMinutes(2));

        await other.Api.GetAsync("/");

        other.ServerCalls.ShouldBe(["GET /api/tokens/fino_kyc/access-token?min_validity=120"]);
    }
}
