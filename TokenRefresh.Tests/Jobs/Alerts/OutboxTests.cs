using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class OutboxTests(PostgresFixture postgres)
{
    [Fact]
    public async Task With_the_server_away_for_an_hour_and_the_process_killed_in_between_each_transition_is_one_mail_in_its_order()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        world.Smtp.Mood = SmtpMood.HangsUp;
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(20));
        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = expires_at - interval '22 hours'");
        await world.PassAsync(TimeSpan.FromMinutes(20));

        // Another process, with nothing of the first one's memory; the first one died with a delivery in its hands.
        await world.Tokens.ExecuteAsync("UPDATE notifications SET claimed_until = clock_timestamp() - interval '1 second', attempts = attempts + 1");
        var successor = world.Tokens.AddNode("successor");
        await world.SucceedAsync("jibit");
        await world.TickAsync(successor);
        world.Tokens.Clock.Advance(TimeSpan.FromMinutes(20));
        await world.TickAsync(successor);
        world.Smtp.Mails.ShouldBeEmpty();

        world.Smtp.Mood = SmtpMood.Well;
        for (var tick = 0; tick < 40; tick++)
        {
            world.Tokens.Clock.Advance(TimeSpan.FromSeconds(30));
            await world.TickAsync(successor);
        }

        world.Smtp.Subjects.Select(subject => subject.Split(' ', ',')[0]).ShouldBe(["FAILED", "CRITICAL", "RECOVERED"]);
    }

    [Theory]
    [InlineData(SmtpMood.HangsUp, "the server closed the connection, or is not an SMTP server")]
    [InlineData(SmtpMood.Garbage, "the server closed the connection, or is not an SMTP server")]
    [InlineData(SmtpMood.DiesInData, "the server closed the connection, or is not an SMTP server")]
    [InlineData(SmtpMood.Busy, "the server answered 421 4.3.2 try later")]
    public async Task A_server_that_fails_is_tried_again_later_and_the_mail_arrives_once(SmtpMood mood, string words)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WriteAsync(world, AlertWorld.Ops);
        world.Smtp.Mood = mood;

        await world.TickAsync();
        var failed = (await world.OutboxAsync()).ShouldHaveSingleItem();
        world.Smtp.Mood = SmtpMood.Well;
        await world.TickAsync();
        var tooEarly = world.Smtp.Mails.Count;
        await world.PassAsync(TimeSpan.FromMinutes(1));

        failed.Status.ShouldBe(NotificationStatus.Pending);
        failed.LastOutcome.ShouldBe(words);
        tooEarly.ShouldBe(0);
        world.Smtp.Mails.ShouldHaveSingleItem();
        (await world.OutboxAsync())[0].Status.ShouldBe(NotificationStatus.Sent);
    }

    [Fact]
    public async Task A_server_that_hangs_is_left_after_half_a_minute()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WriteAsync(world, AlertWorld.Ops);
        world.Smtp.Mood = SmtpMood.Hangs;

        var delivery = world.Tokens.Node.GetRequiredService<Outbox>().DeliverAsync(CancellationToken.None);
        await world.Smtp.Connected.Task;
        world.Tokens.Clock.Advance(TimeSpan.FromSeconds(31));
        var pass = await delivery;

        pass.ShouldBe(new DeliveryPass(0, 0, 1));
        (await world.OutboxAsync())[0].LastOutcome.ShouldBe("the server did not answer within 30 s");
    }

    [Fact]
    public async Task Of_three_recipients_the_unknown_one_is_refused_for_good_and_the_others_get_one_mail_each()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("TokenRefresh:Notifications:Email", "one@example.com,gone@example.com,two@example.com"));
        world.Smtp.Unknown.Add("gone@example.com");
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(30));

        world.Smtp.Mails.Select(mail => mail.Recipient).ShouldBe(["one@example.com", "two@example.com"]);
        var refused = (await world.OutboxAsync()).Single(row => row.Status == NotificationStatus.Refused);
        refused.Recipient.ShouldBe("gone@example.com");
        refused.LastOutcome.ShouldBe("the server does not know this recipient: 550 5.1.1 <b>nobody</b> here");
        refused.Attempts.ShouldBe(1);
    }

    [Fact]
    public async Task A_server_that_dies_at_the_goodbye_has_the_mail_and_gets_no_second_one()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WriteAsync(world, AlertWorld.Ops);
        world.Smtp.Mood = SmtpMood.DiesAtGoodbye;

        await world.PassAsync(TimeSpan.FromMinutes(5));

        world.Smtp.Mails.ShouldHaveSingleItem();
        (await world.OutboxAsync())[0].Status.ShouldBe(NotificationStatus.Sent);
    }

    [Fact]
    public async Task What_the_server_took_without_saying_so_comes_again_under_the_same_message_id()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WriteAsync(world, AlertWorld.Ops);
        world.Smtp.Mood = SmtpMood.DiesBeforeItsWord;
        await world.TickAsync();
        world.Smtp.Mood = SmtpMood.Well;

        await world.PassAsync(TimeSpan.FromMinutes(5));

        world.Smtp.Mails.Select(mail => mail.MessageId).Distinct().ShouldHaveSingleItem();
        world.Smtp.Mails.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_server_that_is_away_is_asked_once_a_pass_however_much_waits()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WriteAsync(world, [.. Enumerable.Range(1, 20).Select(number => $"p{number}@example.com")]);
        world.Smtp.Mood = SmtpMood.HangsUp;

        await world.TickAsync();

        world.Smtp.Connections.ShouldBe(1);
    }

    [Fact]
    public async Task Two_nodes_that_deliver_at_once_send_each_mail_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await WriteAsync(world, [.. Enumerable.Range(1, 20).Select(number => $"p{number}@example.com")]);
        IServiceProvider[] nodes = [world.Tokens.Node, world.Tokens.AddNode("node-2"), world.Tokens.AddNode("node-3")];

        await Task.WhenAll(nodes.Select(node => Task.Run(() => node.GetRequiredService<Outbox>().DeliverAsync(CancellationToken.None))));

        world.Smtp.Mails.Count.ShouldBe(20);
        world.Smtp.Mails.Select(mail => mail.Recipient).ShouldBeUnique();
    }

    [Theory]
    [InlineData("right", NotificationStatus.Sent)]
    [InlineData("wrong", NotificationStatus.Pending)]
    public async Task User_and_password_are_given_where_they_are_set(string password, NotificationStatus status)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Username", "u"), ("Email:Password", password));
        world.Smtp.Account = ("u", "right");
        await WriteAsync(world, AlertWorld.Ops);

        await world.TickAsync();

        var row = (await world.OutboxAsync())[0];
        row.Status.ShouldBe(status);
        row.LastOutcome!.ShouldNotContain(password);
    }

    [Fact]
    public async Task A_server_that_offers_no_encryption_is_not_used_where_encryption_is_asked_for()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Security", "StartTls"));
        await WriteAsync(world, AlertWorld.Ops);

        await world.TickAsync();

        world.Smtp.Mails.ShouldBeEmpty();
        (await world.OutboxAsync())[0].LastOutcome.ShouldBe("the server does not support the configured Email__Security");
    }

    [Fact]
    public async Task Without_a_host_mails_are_files_that_only_this_user_reads()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:Host", ""));
        await WriteAsync(world, AlertWorld.Ops);

        await world.TickAsync();

        var file = Directory.GetFiles(Path.Combine(world.Tokens.UnsavedFolder, "mail")).ShouldHaveSingleItem();
        file.ShouldEndWith("-test.eml");
        (await MimeKit.MimeMessage.LoadAsync(file)).Subject.ShouldBe("TEST: email delivery works");
        FileModes.Of(file).ShouldBe(FileModes.OwnFile);
        FileModes.Of(Path.GetDirectoryName(file)!).ShouldBe(FileModes.OwnFolder);
        var row = (await world.OutboxAsync()).ShouldHaveSingleItem();
        (row.Status, row.SentAt, row.LastOutcome).ShouldBe((NotificationStatus.Written, null, $"written to disk: {file}; no mail server is configured, set Email__Host"));
    }

    [Fact]
    public async Task Nothing_secret_is_in_any_mail_or_row_of_the_outbox()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        foreach (var kind in Enum.GetValues<FailureKind>())
        {
            await world.FailAsync(kind, "jibit");
            await world.PassAsync(TimeSpan.FromMinutes(45), TimeSpan.FromMinutes(5));
            await world.SucceedAsync("jibit");
            await world.PassAsync(TimeSpan.FromMinutes(45), TimeSpan.FromMinutes(5));
        }

        var written = string.Join('\n', (await world.OutboxAsync()).Select(row => $"{row.Subject}{row.Text}{row.Html}{row.LastOutcome}").Concat(world.Tokens.LogLines));
        world.Smtp.Mails.Count.ShouldBeGreaterThan(6);
        written.ShouldNotContain("access-of-");
        written.ShouldNotContain("refresh-of-");
    }

    private static async Task WriteAsync(AlertWorld world, params string[] recipients)
    {
        await using var db = await world.Tokens.ContextAsync();
        db.Notifications.AddRange(world.Tokens.Node.GetRequiredService<TestMail>().For(recipients));
        await db.SaveChangesAsync();
    }
}
