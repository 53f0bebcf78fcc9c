using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class WebhookTests(PostgresFixture postgres)
{
    private const string Secret = "a secret of the webhook";

    [Fact]
    public async Task Each_transition_is_a_signed_post()
    {
        await using var hook = new HookStub();
        await using var world = await WorldAsync(hook, "true");
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        await world.SucceedAsync("jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));

        hook.Taken.Select(post => JsonDocument.Parse(post.Body).RootElement.GetProperty("event").GetString()).ShouldBe(["incident.opened", "incident.recovered"]);
        var (body, signature, delivery) = hook.Taken[0];
        var seconds = signature.Split(',')[0]["t=".Length..];
        signature.ShouldEndWith($"v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes($"{seconds}.{body}")))}");
        delivery.ShouldNotBeEmpty();
        var incident = JsonDocument.Parse(body).RootElement.GetProperty("incident");
        incident.GetProperty("cause").GetString().ShouldBe("credential_rejected");
        incident.GetProperty("subjects")[0].GetString().ShouldBe("jibit");
    }

    [Fact]
    public async Task A_post_says_what_sends_it_and_a_setting_replaces_that()
    {
        await using var hook = new HookStub();
        await using var plain = await WorldAsync(hook, "true");
        await using var named = await WorldAsync(hook, "true", ("TokenRefresh:Http:UserAgent", "Lookups/7"));
        foreach (var world in new[] { plain, named })
        {
            await world.FailAsync(FailureKind.CredentialRejected, "jibit");
            await world.PassAsync(TimeSpan.FromMinutes(1));
        }

        hook.UserAgents.ShouldBe([OutgoingRequestHandler.ProductUserAgent, "Lookups/7"]);
    }

    [Fact]
    public async Task A_receiver_that_fails_gets_it_again_under_the_same_delivery()
    {
        await using var hook = new HookStub { Status = 500 };
        await using var world = await WorldAsync(hook, "true");
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        hook.Status = 204;
        await world.PassAsync(TimeSpan.FromMinutes(2));

        hook.Taken.Count.ShouldBeGreaterThan(1);
        hook.Taken.Select(post => post.Delivery).Distinct().ShouldHaveSingleItem();
        (await world.OutboxAsync()).Single(row => row.Channel == NotificationChannel.Webhook).Status.ShouldBe(NotificationStatus.Sent);
    }

    [Fact]
    public async Task A_private_address_is_refused_unless_it_is_allowed()
    {
        await using var hook = new HookStub();
        await using var world = await WorldAsync(hook, "false");
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        hook.Taken.ShouldBeEmpty();
        var row = (await world.OutboxAsync()).Single(row => row.Channel == NotificationChannel.Webhook);
        row.Status.ShouldBe(NotificationStatus.Refused);
        row.LastOutcome!.ShouldStartWith("a private address");
    }

    [Fact]
    public async Task A_redirect_is_a_failure_and_is_not_followed()
    {
        await using var elsewhere = new HookStub();
        await using var hook = new HookStub { Status = 307, Location = elsewhere.Address };
        await using var world = await WorldAsync(hook, "true");
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        hook.Taken.ShouldNotBeEmpty();
        elsewhere.Taken.ShouldBeEmpty();
        (await world.OutboxAsync()).Single(row => row.Channel == NotificationChannel.Webhook).LastOutcome.ShouldBe("HTTP 307");
    }

    private async Task<AlertWorld> WorldAsync(HookStub hook, string allowPrivate, params (string Key, string Value)[] settings) => await AlertWorld.CreateAsync(
        postgres, ["jibit"],
        [
            ("TokenRefresh:Notifications:WebhookUrls", hook.Address), ("TokenRefresh:Notifications:WebhookSecret", Secret), ("TokenRefresh:Notifications:WebhookAllowPrivate", allowPrivate),
            .. settings,
        ]);
}
