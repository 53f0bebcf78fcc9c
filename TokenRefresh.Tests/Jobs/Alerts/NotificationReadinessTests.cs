using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>Can anyone be notified, and if not, why and what has to be set?</summary>
public sealed class NotificationReadinessTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(true, "", "", "", "no_recipient", "No one can be notified: neither a recipient nor a webhook is configured. Set TokenRefresh__Notifications__Email and Email__Host, or TokenRefresh__Notifications__WebhookUrls.")]
    [InlineData(true, "", "", "smtp", "no_recipient", "No one can be notified: neither a recipient nor a webhook is configured. Set TokenRefresh__Notifications__Email, or TokenRefresh__Notifications__WebhookUrls.")]
    [InlineData(true, "ops@example.com", "", "", "no_mail_server", "No one can be notified: no mail server is configured, so mails are only written to disk. Set Email__Host.")]
    [InlineData(true, "ops@example.com", "", "smtp", "ready", "By mail to 1 recipient.")]
    [InlineData(true, "", "https://chat.example.com/hook", "", "ready", "By 1 webhook.")]
    [InlineData(true, "ops@example.com,lead@example.com", "https://chat.example.com/hook", "smtp", "ready", "By mail to 2 recipients and by 1 webhook.")]
    [InlineData(true, "ops@example.com", "https://chat.example.com/hook", "", "ready", "By 1 webhook; mails are only written to disk until Email__Host is set.")]
    [InlineData(false, "", "", "", "switched_off", "Notifications are switched off (TokenRefresh__Notifications__Enabled=false).")]
    public void The_settings_tell_whether_anyone_can_be_notified_and_what_to_set(bool enabled, string email, string webhooks, string host, string code, string line)
    {
        var readiness = NotificationReadiness.Of(new() { Enabled = enabled, Email = email, WebhookUrls = webhooks }, new() { Host = host });

        (readiness.Code, readiness.Line).ShouldBe((code, line));
        (readiness.CanNotify, readiness.IsFault, readiness.IsFailing).ShouldBe((code == "ready", code is "no_recipient" or "no_mail_server", false));
    }

    [Fact]
    public async Task What_waits_for_more_than_five_minutes_cannot_be_delivered_until_it_is()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        world.Smtp.Answers["MAIL"] = "530 5.7.0 Authentication required";
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(5));
        var early = await ReadAsync(world);
        await world.PassAsync(TimeSpan.FromMinutes(3));
        var late = await ReadAsync(world);
        world.Smtp.Answers.Clear();
        await world.PassAsync(TimeSpan.FromMinutes(10));

        early.State.ShouldBe(ReadinessState.Ready);
        (late.Code, late.IsFailing, late.CanNotify).ShouldBe(("failing", true, false));
        late.Line.ShouldBe(
            "Notifications cannot be delivered: 1 is waiting, the oldest for 7 min (the server requires authentication: 530 5.7.0 Authentication required; set Email__Username and Email__Password)."
            + " Check TokenRefresh__Notifications__Email and Email__Host, then send a test: notify test.");
        (await ReadAsync(world)).State.ShouldBe(ReadinessState.Ready);
    }

    [Fact]
    public async Task A_recipient_who_is_refused_for_good_cannot_be_notified_until_one_arrives()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        world.Smtp.Unknown.Add(AlertWorld.Ops);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        var refused = await ReadAsync(world);
        world.Smtp.Unknown.Clear();
        await world.SucceedAsync("jibit");
        await world.FailAsync(FailureKind.Configuration, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(2));

        refused.IsFailing.ShouldBeTrue();
        refused.Words.ShouldStartWith("Notifications to ops@example.com are refused: the server does not know this recipient: 550");
        (await ReadAsync(world)).State.ShouldBe(ReadinessState.Ready);
    }

    [Fact]
    public async Task A_message_to_someone_who_is_not_configured_says_nothing_of_those_who_are()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        world.Smtp.Unknown.Add("gone@example.com");
        await using (var db = await world.Tokens.ContextAsync())
        {
            db.Notifications.AddRange(world.Tokens.Node.GetRequiredService<TestMail>().For(["gone@example.com"]));
            await db.SaveChangesAsync();
        }

        await world.PassAsync(TimeSpan.FromMinutes(10));

        (await ReadAsync(world)).State.ShouldBe(ReadinessState.Ready);
    }

    [Fact]
    public async Task A_webhook_that_fails_is_named_by_its_host_alone()
    {
        await using var hook = new HookStub();
        await using var world = await AlertWorld.CreateAsync(
            postgres, ["jibit"], ("TokenRefresh:Notifications:Email", ""), ("TokenRefresh:Notifications:WebhookUrls", hook.Address), ("TokenRefresh:Notifications:WebhookSecret", "a secret of the webhook"));
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        (await ReadAsync(world)).Line.ShouldBe(
            "Notifications to the webhook at 127.0.0.1 are refused: a private address; to allow it, add it to TokenRefresh__Http__AllowedAddresses, or set TokenRefresh__Notifications__WebhookAllowPrivate=true for all. Check TokenRefresh__Notifications__WebhookUrls.");
    }

    [Fact]
    public async Task An_incident_that_nobody_can_be_told_of_is_not_told_and_is_once_somebody_can()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("TokenRefresh:Notifications:Email", ""));
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(5));
        var untold = (await world.IncidentsAsync()).ShouldHaveSingleItem();
        var notice = (await Desk(world).NoticesAsync([untold], CancellationToken.None)).GetValueOrDefault(untold.Id, IncidentNotice.None);

        var configured = world.Tokens.AddNode("another", shape: services => services.PostConfigure<NotificationOptions>(options => options.Email = AlertWorld.Ops));
        await world.TickAsync(configured);

        (untold.ToldAt, untold.LastToldAt, notice.WhyNot).ShouldBe((null, null, "no one"));
        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldStartWith("FAILED");
        var told = await world.IncidentsAsync();
        (await Desk(world).NoticesAsync(told, CancellationToken.None))[told[0].Id].NotifiedAt.ShouldNotBeNull();
    }

    [Theory]
    [InlineData("", SmtpMood.Well, "written to disk only")]
    [InlineData("127.0.0.1", SmtpMood.HangsUp, "not delivered yet")]
    public async Task An_incident_whose_mail_reached_no_one_says_so(string host, SmtpMood mood, string whyNot)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Host", host));
        world.Smtp.Mood = mood;
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        var incidents = await world.IncidentsAsync();
        var notice = (await Desk(world).NoticesAsync(incidents, CancellationToken.None))[incidents[0].Id];
        (notice.NotifiedAt, notice.WhyNot).ShouldBe((null, whyNot));
    }

    [Fact]
    public async Task Without_the_panels_address_a_message_carries_no_link_and_says_what_to_set()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        var mail = world.Smtp.Mails.ShouldHaveSingleItem();
        mail.Text.ShouldContain("This message carries no link: set Access__PublicUrl to the public address of the panel.");
        (mail.Text + mail.Html).ShouldNotContain("localhost");
        (mail.Text + mail.Html).ShouldNotContain("://");
    }

    private static IncidentService Desk(AlertWorld world) => world.Tokens.Node.GetRequiredService<IncidentService>();

    private static Task<NotificationReadiness> ReadAsync(AlertWorld world) => world.Tokens.Node.GetRequiredService<NotificationReadinessReader>().ReadAsync(CancellationToken.None);
}
