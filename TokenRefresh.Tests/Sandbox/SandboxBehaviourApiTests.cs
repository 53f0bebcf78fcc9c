using System.Net;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class SandboxBehaviourApiTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    private const string Path = "/sandbox/jibit/behaviour";

    private const string Normal =
        """{"mode":"normal","delay_seconds":10,"retry_after_seconds":null,"fail_next":null,"lifetime_seconds":null,"refresh_lifetime_seconds":null,"rotate":true,"kill_old_refresh":true,"kill_old_access":false,"early_refresh_refused":false,"lifetime_as_string":false,"malformed_shape":"html","calls":{"acquire":0,"renew":0,"other":0},"in_flight_peak":0}""";

    [Fact]
    public async Task A_fresh_sandbox_behaves_normally() => (await ShowAsync()).Text.ShouldBe(Normal);

    [Fact]
    public async Task Every_field_is_stored_and_shown()
    {
        const string Odd =
            """{"mode":"lost_answer","delay_seconds":3,"retry_after_seconds":4,"fail_next":5,"lifetime_seconds":6,"refresh_lifetime_seconds":7,"rotate":false,"kill_old_refresh":false,"kill_old_access":true,"early_refresh_refused":true,"lifetime_as_string":true,"malformed_shape":"failed" """;

        await BehaveAsync("jibit", Odd + "}");

        (await ShowAsync()).Text.ShouldStartWith(Odd.TrimEnd());
    }

    [Fact]
    public async Task A_POST_replaces_the_whole_behaviour()
    {
        await BehaveAsync("jibit", """{"mode":"down","lifetime_seconds":60}""");

        var answer = await BehaveAsync("jibit", "{}");

        answer.Text.ShouldBe(Normal);
    }

    [Fact]
    public async Task A_null_leaves_the_default() =>
        (await BehaveAsync("jibit", """{"mode":null,"delay_seconds":null,"rotate":null}""")).Text.ShouldBe(Normal);

    [Theory]
    [InlineData("LOST-ANSWER", "lost_answer")]
    [InlineData("Lost_Answer", "lost_answer")]
    [InlineData("Down", "down")]
    public async Task A_mode_may_be_written_with_either_dash_and_in_any_case(string written, string stored) =>
        ((string?)(await BehaveAsync("jibit", $$"""{"mode":"{{written}}"}""")).Json["mode"]).ShouldBe(stored);

    [Fact]
    public async Task A_mode_that_is_a_number_may_be_written_as_one() =>
        ((string?)(await BehaveAsync("jibit", """{"mode":503}""")).Json["mode"]).ShouldBe("503");

    [Theory]
    [InlineData("""{"mode":"broken"}""", "mode", "lost_answer")]
    [InlineData("""{"mode":"ServerError"}""", "mode", "500")]
    [InlineData("""{"mode":2}""", "mode", "500")]
    [InlineData("""{"mode":true}""", "mode", "normal")]
    [InlineData("""{"malformed_shape":"odd"}""", "malformed_shape", "redirect")]
    [InlineData("""{"fail_next":0}""", "fail_next", "from 1 to 1000000")]
    [InlineData("""{"fail_next":1.5}""", "fail_next", "from 1 to 1000000")]
    [InlineData("""{"delay_seconds":-1}""", "delay_seconds", "from 0 to 86400")]
    [InlineData("""{"delay_seconds":"10"}""", "delay_seconds", "from 0 to 86400")]
    [InlineData("""{"lifetime_seconds":0}""", "lifetime_seconds", "from 1 to 315360000")]
    [InlineData("""{"lifetime_seconds":1e99}""", "lifetime_seconds", "from 1 to 315360000")]
    [InlineData("""{"rotate":"yes"}""", "rotate", "true or false")]
    [InlineData("""{"lifetime":null}""", "lifetime", "lifetime_seconds")]
    [InlineData("""{"lifetime":60}""", "lifetime", "lifetime_seconds")]
    public async Task A_wrong_field_is_refused_with_what_is_allowed_and_nothing_changes(string body, string field, string allowed)
    {
        await BehaveAsync("jibit", """{"mode":"429"}""");

        var answer = await SendAsync(Post(Path, body));

        (answer.Status, answer.ContentType).ShouldBe((400, "application/problem+json"));
        ((string)answer.Json["errors"]![field]![0]!).ShouldContain(allowed);
        ((string)answer.Json["allowed"]!["mode"]!).ShouldContain("down");
        ((string?)(await ShowAsync()).Json["mode"]).ShouldBe("429");
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("down")]
    [InlineData("mode=down")]
    [InlineData("""{"mode":"\uD800"}""")]
    [InlineData("""{"mode":"down","mode":"slow"}""")]
    public async Task What_is_not_one_JSON_object_is_refused(string body) =>
        (await SendAsync(Post(Path, body))).Status.ShouldBe(400);

    [Fact]
    public async Task A_body_that_curl_calls_a_form_is_read_as_JSON() =>
        (await SendAsync(Post(Path, """{"mode":"slow"}""", "application/x-www-form-urlencoded"))).Status.ShouldBe(200);

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task An_unknown_provider_is_not_found(string method)
    {
        var answer = await SendAsync(new(new(method), "/sandbox/acme/behaviour"));

        answer.Status.ShouldBe(404);
        ((string?)answer.Json["title"]).ShouldBe("The sandbox has only jibit and finnotech.");
    }

    [Fact]
    public async Task Calls_are_counted_by_kind()
    {
        var (jibit, finnotech) = (await Host.AcquireAsync(), await Host.AcquireFinnotechAsync());
        await Host.RefreshAsync(jibit);
        await Host.RefreshAsync(jibit);
        await Host.BalancesAsync(jibit.AccessToken);
        await Host.RenewAsync(finnotech.RefreshToken);

        (await ShowAsync()).Json["calls"]!.ToJsonString().ShouldBe("""{"acquire":1,"renew":2,"other":1}""");
        (await ShowAsync("finnotech")).Json["calls"]!.ToJsonString().ShouldBe("""{"acquire":1,"renew":1,"other":0}""");
    }

    [Fact]
    public async Task Used_up_failures_show_as_normal()
    {
        await BehaveAsync("jibit", """{"mode":"500","fail_next":2}""");

        await Host.GenerateAsync();
        (await ShowAsync()).Text.ShouldStartWith("""{"mode":"500","delay_seconds":10,"retry_after_seconds":null,"fail_next":1,""");
        await Host.GenerateAsync();
        (await ShowAsync()).Text.ShouldStartWith("""{"mode":"normal","delay_seconds":10,"retry_after_seconds":null,"fail_next":null,""");
    }

    [Fact]
    public async Task The_peak_of_calls_in_flight_is_shown_until_the_next_behaviour()
    {
        await BehaveAsync("jibit", """{"mode":"slow"}""");
        Task<Answer>[] calls = [Host.GenerateAsync(), Host.GenerateAsync(), Host.GenerateAsync()];
        foreach (var _ in calls)
        {
            await Clock.SomebodyWaitsAsync(Stop);
        }

        Clock.Advance(TimeSpan.FromSeconds(10));
        await Task.WhenAll(calls);

        ((int?)(await ShowAsync()).Json["in_flight_peak"]).ShouldBe(3);
        ((int?)(await BehaveAsync("jibit", "{}")).Json["in_flight_peak"]).ShouldBe(0);
    }

    [Theory]
    [InlineData("GET", "/sandbox/jibit/behaviour")]
    [InlineData("POST", "/sandbox/jibit/behaviour")]
    [InlineData("POST", JibitCalls.Generate)]
    [InlineData("POST", FinnotechCalls.Token)]
    public async Task From_another_machine_there_is_nothing_here(string method, string path)
    {
        await using var host = await SandboxHost.StartAsync(ConnectionString, Clock, IPAddress.Parse("192.0.2.7"));

        var answer = await host.Http.SendAsync(new(new(method), path), Stop).ReadAsync();

        (answer.Status, answer.Text).ShouldBe((404, ""));
    }

    [Fact]
    public async Task From_this_machine_in_IPv6_all_is_here()
    {
        await using var host = await SandboxHost.StartAsync(ConnectionString, Clock, IPAddress.Loopback.MapToIPv6());

        (await host.GenerateAsync()).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("https://example.com", 403)]
    [InlineData("null", 403)]
    public async Task A_page_of_another_site_may_not_change_the_behaviour(string origin, int status)
    {
        var request = Post(Path, """{"mode":"down"}""");
        request.Headers.Add("Origin", origin);

        (await SendAsync(request)).Status.ShouldBe(status);
        ((string?)(await ShowAsync()).Json["mode"]).ShouldBe("normal");
    }

    [Fact]
    public async Task A_page_of_this_site_may_change_the_behaviour()
    {
        var request = Post(Path, """{"mode":"down"}""");
        request.Headers.Add("Origin", Host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority));

        (await SendAsync(request)).Status.ShouldBe(200);
    }

    private Task<Answer> ShowAsync(string provider = "jibit") => SendAsync(new(HttpMethod.Get, $"/sandbox/{provider}/behaviour"));
}
