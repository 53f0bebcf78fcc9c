using Microsoft.Extensions.Options;
using Shouldly;
using TokenRefresh.Providers;
using static TokenRefresh.Tests.Providers.OAuth2.OAuth2World;

namespace TokenRefresh.Tests.Providers.OAuth2;

public sealed class OAuth2SettingsTests
{
    [Fact]
    public void Nothing_is_there_until_the_settings_name_it()
    {
        using var world = ProviderWorld.Unconfigured();

        world.Providers.All.Select(provider => provider.Name).ShouldBe(["finnotech", "jibit"]);
    }

    [Theory]
    [InlineData("TokenUrl")]
    [InlineData("ClientId")]
    [InlineData("ClientSecret")]
    public void What_is_missing_is_named_as_people_write_it(string setting)
    {
        using var world = With((setting, ""));

        world.Validate();

        world.Acme().MissingSettings.ShouldBe([$"Providers__Acme__{setting}"]);
    }

    [Theory]
    [InlineData("TokenUrl", "login.example.com", "Providers__Acme__TokenUrl = 'login.example.com' is not allowed")]
    [InlineData("ProbeUrl", "ftp://x", "Providers__Acme__ProbeUrl = 'ftp://x' is not allowed")]
    [InlineData("ClientAuthentication", "Post", "one of Basic, Body, None")]
    [InlineData("Parameters", "resource", "key=value pairs separated by commas, each key once, without grant_type")]
    [InlineData("Parameters", "scope=x", "without grant_type")]
    [InlineData("Parameters", "a=1,A=2", "each key once")]
    [InlineData("DefaultLifetime", "00:00:00", "a duration from 00:00:05 to 366.00:00:00")]
    [InlineData("BaseUrl", "https://x", "Providers__Acme__BaseUrl is not a setting")]
    public void A_wrong_setting_is_refused_at_start(string setting, string value, string message)
    {
        using var world = With((setting, value));

        Should.Throw<OptionsValidationException>(world.Validate).Message.ShouldContain(message);
    }

    [Theory]
    [InlineData("TokenUrl", "https://login.example.com/v2")]
    [InlineData("ClientSecret", "another")]
    [InlineData("NextClientSecret", "another")]
    [InlineData("ClientAuthentication", "Body")]
    [InlineData("ClientAuthentication", "None")]
    [InlineData("Audience", "another")]
    [InlineData("Parameters", "a=b")]
    public void A_change_that_may_mend_a_refusal_changes_the_digest(string setting, string value)
    {
        using var before = With();
        using var after = With((setting, value));

        after.Acme().SettingsDigest.ShouldNotBe(before.Acme().SettingsDigest);
    }

    [Fact]
    public void A_public_client_needs_no_secret()
    {
        using var world = With(("ClientAuthentication", "None"), ("ClientSecret", ""));

        world.Validate();

        world.Acme().MissingSettings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData(Secret)]
    public async Task A_public_client_sends_its_id_alone_in_the_body(string secret)
    {
        using var world = With(("ClientAuthentication", "None"), ("ClientSecret", secret), ("NextClientSecret", NextSecret));
        world.Http.Reply(200, """{"access_token":"a","refresh_token":"r"}""");
        world.Http.Reply(401, """{"error":"invalid_client"}""");

        (await world.Acme().AcquireAsync(Order(), default)).ShouldBeIssued();
        (await world.Acme().RenewAsync(Order(), Held, default)).ShouldHaveFailed(FailureKind.CredentialRejected);

        world.Http.Sent.Count.ShouldBe(2, "there is no second secret to try");
        world.Http.Sent[0].ShouldHaveForm(("grant_type", "client_credentials"), ("client_id", "my app"));
        world.Http.Sent[1].ShouldHaveForm(("grant_type", "refresh_token"), ("refresh_token", "refresh-1"), ("client_id", "my app"));
        world.Http.Sent.ShouldAllBe(sent => !sent.Headers.ContainsKey("Authorization"));
    }

    [Fact]
    public async Task While_one_secret_is_taken_only_that_one_is_sent_and_the_log_says_which()
    {
        using var world = With(("NextClientSecret", NextSecret));
        world.Http.Reply(200, """{"access_token":"a"}""");

        var result = await world.Acme().AcquireAsync(Order(), default);

        world.Http.Sent.ShouldHaveSingleItem().Basic().Secret.ShouldBe(Secret);
        result.ShouldBeOfType<ProviderResult.Issued>().Note.ShouldBe("with Providers__Acme__ClientSecret");
    }

    [Fact]
    public async Task A_refused_secret_is_followed_by_the_next_which_is_tried_first_from_then_on()
    {
        using var world = With(("NextClientSecret", NextSecret));
        world.Http.Reply(401, """{"error":"invalid_client"}""");
        world.Http.Reply(200, """{"access_token":"a","refresh_token":"r"}""");
        world.Http.Reply(200, """{"access_token":"b"}""");

        var first = await world.Acme().RenewAsync(Order(), Held, default);
        var second = await world.Acme().AcquireAsync(Order(), default);

        world.Http.Sent.Select(sent => sent.Basic().Secret).ShouldBe([Secret, NextSecret, NextSecret]);
        world.Http.Sent[1].Form()["refresh_token"].ShouldBe("refresh-1");
        new[] { first, second }.ShouldAllBe(result => ((ProviderResult.Issued)result).Note == "with Providers__Acme__NextClientSecret");
    }

    [Fact]
    public async Task Both_refused_is_one_failure_that_says_so()
    {
        using var world = With(("NextClientSecret", NextSecret));
        world.Http.Reply(401, """{"error":"invalid_client"}""");
        world.Http.Reply(401, """{"error":"invalid_client"}""");

        var failure = (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(FailureKind.CredentialRejected);

        failure.Reason.ShouldBe("HTTP 401 invalid_client, with ClientSecret and with NextClientSecret");
        world.Http.Sent.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(503, """{"error":"temporarily_unavailable"}""")]
    [InlineData(400, """{"error":"invalid_grant"}""")]
    public async Task What_says_nothing_about_the_secret_is_not_tried_with_the_other(int status, string body)
    {
        using var world = With(("NextClientSecret", NextSecret));
        world.Http.Reply(status, body);

        await world.Acme().RenewAsync(Order(), Held, default);

        world.Http.Sent.ShouldHaveSingleItem();
    }

    [Fact]
    public void A_roll_over_leaves_time_for_two_calls()
    {
        using var one = With(("Timeout", "00:00:10"));
        using var two = With(("Timeout", "00:00:10"), ("NextClientSecret", NextSecret));

        one.Acme().Timeout.ShouldBe(TimeSpan.FromSeconds(10));
        two.Acme().Timeout.ShouldBe(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("Basic")]
    [InlineData("Body")]
    public async Task A_server_that_repeats_the_secret_in_its_error_is_not_quoted(string authentication)
    {
        using var world = With(("ClientAuthentication", authentication));
        world.Http.Reply(400, $$"""{"error":"bad secret {{Secret}}"}""");

        var failure = (await world.Acme().AcquireAsync(Order(), default)).ShouldHaveFailed(FailureKind.InvalidResponse);

        failure.ToString().ShouldNotContain(Secret[..8]);
        world.Log.ToString().ShouldNotContain(Secret[..8]);
    }
}
