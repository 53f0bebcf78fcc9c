using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>Whatever a mail server says, and wherever in the conversation: the mail waits and says why, and the webhook goes at once.</summary>
public sealed class MailRefusalTests(PostgresFixture postgres)
{
    private const string Password = "planted-secret";

    [Theory]
    [InlineData("MAIL", "530 5.7.0 Authentication required", "the server requires authentication: 530 5.7.0 Authentication required; set Email__Username and Email__Password")]
    [InlineData("RCPT", "530 5.7.0 Authentication required", "the server requires authentication: 530 5.7.0 Authentication required; set Email__Username and Email__Password")]
    [InlineData("DATA", "530 5.7.0 Authentication required", "the server requires authentication: 530 5.7.0 Authentication required; set Email__Username and Email__Password")]
    [InlineData("BODY", "530 5.7.0 Authentication required", "the server requires authentication: 530 5.7.0 Authentication required; set Email__Username and Email__Password")]
    [InlineData("MAIL", "530 5.7.0 Must issue a STARTTLS command first", "the server requires an encrypted connection: 530 5.7.0 Must issue a STARTTLS command first; set Email__Security=StartTls")]
    [InlineData("MAIL", "421 4.3.2 try later", "421")]
    [InlineData("RCPT", "421 4.3.2 try later", "421")]
    [InlineData("DATA", "421 4.3.2 try later", "421")]
    [InlineData("BODY", "421 4.3.2 try later", "421")]
    [InlineData("MAIL", "550 5.7.1 sender refused", "the server answered 550 5.7.1 sender refused")]
    [InlineData("MAIL", "552 5.3.4 too large", "the server answered 552")]
    [InlineData("RCPT", "450 4.2.0 greylisted", "the server answered 450 4.2.0 greylisted")]
    [InlineData("RCPT", "550 5.7.1 Relaying denied", "the server answered 550 5.7.1 Relaying denied")]
    [InlineData("RCPT", "554 Relay access denied", "the server answered 554 Relay access denied")]
    [InlineData("DATA", "250 ok", "the server answered 250 ok")]
    [InlineData("DATA", "554 no valid recipients", "the server answered 554")]
    [InlineData("BODY", "451 4.7.1 try again", "the server answered 451 4.7.1 try again")]
    [InlineData("BODY", "554 5.7.1 spam", "the server answered 554 5.7.1 spam")]
    [InlineData("BODY", "535 odd", "the server answered 535 odd")]
    [InlineData("BODY", "999 never heard of", "")]
    [InlineData("MAIL", "hello there", "the server closed the connection, or is not an SMTP server")]
    [InlineData("RCPT", "\u0000\u0001\u0002", "the server closed the connection, or is not an SMTP server")]
    [InlineData("EHLO", "garbage", "the server closed the connection, or is not an SMTP server")]
    public async Task A_refusal_anywhere_waits_with_its_reason_and_the_webhook_goes_at_once(string command, string answer, string reason)
    {
        await using var hook = new HookStub();
        await using var world = await WorldAsync(hook);
        world.Smtp.Answers[command] = answer;
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        var rows = await world.OutboxAsync();
        var mail = rows.Single(row => row.Channel == NotificationChannel.Email);
        (mail.Status, mail.SentAt, world.Smtp.Mails.Count).ShouldBe((NotificationStatus.Pending, null, 0));
        mail.LastOutcome.ShouldNotBeNullOrEmpty();
        mail.LastOutcome.ShouldContain(reason);
        mail.LastOutcome.ShouldNotContain("\u0000");
        var webhook = rows.Single(row => row.Channel == NotificationChannel.Webhook);
        (webhook.Status, webhook.Attempts, hook.Taken.Count).ShouldBe((NotificationStatus.Sent, 1, 1));
    }

    [Theory]
    [InlineData("535 5.7.8 Username and Password not accepted", "the server refused Email__Username and Email__Password: 535: 5.7.8 Username and Password not accepted")]
    [InlineData("454 4.7.0 Temporary authentication failure", "4.7.0 Temporary authentication failure")]
    [InlineData("535 you said planted-secret", "you said (hidden)")]
    [InlineData("535 AHUAcGxhbnRlZC1zZWNyZXQ=", "(hidden)")]
    [InlineData("535 cGxhbnRlZC1zZWNyZXQ=", "(hidden)")]
    [InlineData("garbage", "the server closed the connection, or is not an SMTP server")]
    public async Task A_refused_sign_in_waits_with_its_reason_and_without_the_password(string answer, string reason)
    {
        await using var hook = new HookStub();
        await using var world = await WorldAsync(hook, ("Email:Username", "u"), ("Email:Password", Password));
        world.Smtp.Account = ("u", "another");
        world.Smtp.Answers["AUTH"] = answer;
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        var mail = (await world.OutboxAsync()).Single(row => row.Channel == NotificationChannel.Email);
        mail.Status.ShouldBe(NotificationStatus.Pending);
        mail.LastOutcome!.ShouldContain(reason);
        mail.LastOutcome!.ShouldNotContain(Password);
        mail.LastOutcome!.ShouldNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(Password)).TrimEnd('='));
        hook.Taken.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_server_without_a_sign_in_is_told_apart_from_one_without_encryption()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Username", "u"), ("Email:Password", Password));

        (await SendAsync(world)).ShouldBe("the server offers no supported authentication method, and Email__Username is set");
    }

    [Theory]
    [InlineData("StartTls")]
    [InlineData("Tls")]
    public async Task A_connection_that_cannot_be_secured_is_a_reason_to_wait(string security)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Security", security));
        world.Smtp.PretendsTls = true;

        (await SendAsync(world)).ShouldBe("no secure connection: the server's certificate was not accepted, or Email__Security does not match the port");
    }

    [Theory]
    [InlineData("nowhere.invalid", "no connection to the server (")]
    [InlineData("smtp example com", "")]
    [InlineData("http://smtp.example.com", "")]
    [InlineData("[", "")]
    public async Task A_name_that_is_no_server_is_a_reason_to_wait(string host, string reason)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Host", host));

        (await SendAsync(world)).ShouldContain(reason);
    }

    [Fact]
    public async Task While_one_channel_hangs_each_other_one_is_served()
    {
        await using var first = new HookStub();
        await using var second = new HookStub();
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        await using var world = await AlertWorld.CreateAsync(
            postgres, ["jibit"], ("TokenRefresh:Notifications:WebhookUrls", $"http://127.0.0.1:{((System.Net.IPEndPoint)silent.LocalEndpoint).Port}/,{first.Address},{second.Address}"),
            ("TokenRefresh:Notifications:WebhookSecret", "a secret of the webhook"), ("TokenRefresh:Notifications:WebhookAllowPrivate", "true"));
        world.Smtp.Mood = SmtpMood.Hangs;
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        world.Tokens.Clock.Advance(TimeSpan.FromSeconds(30));
        var round = world.Tokens.Node.GetRequiredService<AlertEvaluation>();
        await round.RunAsync(world.SystemStatus(world.Tokens.Clock.GetUtcNow()), CancellationToken.None);
        world.Tokens.Clock.Advance(TimeSpan.FromSeconds(30));
        await round.RunAsync(world.SystemStatus(world.Tokens.Clock.GetUtcNow()), CancellationToken.None);

        // No time passes, so what hangs goes on hanging.
        var delivery = world.Tokens.Node.GetRequiredService<Outbox>().DeliverAsync(CancellationToken.None);
        await RunningServer.UntilAsync(async () => (await world.OutboxAsync()).Count(row => row.Status == NotificationStatus.Sent) == 2, "both webhooks that answer are served");
        delivery.IsCompleted.ShouldBeFalse();

        // One that hangs may have begun only now, and waits its own half minute.
        await RunningServer.UntilAsync(
            () =>
            {
                world.Tokens.Clock.Advance(TimeSpan.FromSeconds(31));
                return Task.FromResult(delivery.IsCompleted);
            },
            "those that hang are left");
        var pass = await delivery;

        pass.ShouldBe(new DeliveryPass(2, 0, 2));
        (first.Taken.Count, second.Taken.Count).ShouldBe((1, 1));
    }

    private Task<AlertWorld> WorldAsync(HookStub hook, params (string, string)[] settings) => AlertWorld.CreateAsync(
        postgres, ["jibit"],
        [
            ("TokenRefresh:Notifications:WebhookUrls", hook.Address), ("TokenRefresh:Notifications:WebhookSecret", "a secret of the webhook"),
            ("TokenRefresh:Notifications:WebhookAllowPrivate", "true"), .. settings,
        ]);

    private static async Task<string> SendAsync(AlertWorld world)
    {
        var outbox = world.Tokens.Node.GetRequiredService<Outbox>();
        var outcome = await outbox.SendNowAsync(world.Tokens.Node.GetRequiredService<TestMail>().For([AlertWorld.Ops]).Single(), CancellationToken.None);
        var row = (await world.OutboxAsync()).ShouldHaveSingleItem();
        row.Status.ShouldBe(NotificationStatus.Pending);
        row.LastOutcome.ShouldBe(outcome.ShouldBeOfType<DeliveryOutcome.Failed>().Reason);
        return row.LastOutcome!;
    }
}
