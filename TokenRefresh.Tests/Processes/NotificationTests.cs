using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Jobs.Alerts;

namespace TokenRefresh.Tests.Processes;

/// <summary>What the real program tells people, and what it claims to have told them.</summary>
public sealed class NotificationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task While_no_one_can_be_notified_the_start_health_and_metrics_say_so_and_what_to_set()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        settings["Metrics__Enabled"] = "true";
        await using (var server = await ServerProcess.ServeAsync(settings))
        {
            await FreshAsync(server);

            (await server.LineAsync("  notify ")).ShouldBe(
                "  notify     No one can be notified: neither a recipient nor a webhook is configured. Set TokenRefresh__Notifications__Email and Email__Host, or TokenRefresh__Notifications__WebhookUrls.");
            server.Out.ShouldNotContain("  links ");
            (await server.Http.GetStringAsync("/metrics")).ShouldMatch("tokenrefresh_notifications_deliverable\\{[^}]*state=\"no_recipient\"[^}]*\\} 0");
            var health = await ServerProcess.RunAsync(settings, "tokens", "health", "--json");
            health.ExitCode.ShouldBe(0, "that nothing is configured is a notice");
            health.ErrorLines.ShouldHaveSingleItem().ShouldStartWith("No one can be notified: neither a recipient nor a webhook is configured. Set ");
            JsonDocument.Parse(health.Out).RootElement[0].GetProperty("notifications").GetString().ShouldBe("no_recipient");
        }

        settings["TokenRefresh__Notifications__Email"] = "ops@example.com";
        await using (var server = await ServerProcess.ServeAsync(settings))
        {
            (await server.LineAsync("  notify ")).ShouldEndWith("No one can be notified: no mail server is configured, so mails are only written to disk. Set Email__Host.");
            (await server.LineAsync("  links ")).ShouldEndWith("none in messages: set Access__PublicUrl to the public address of the panel");
        }
    }

    [Theory]
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    [InlineData("BODY")]
    public async Task A_mail_server_that_wants_a_sign_in_ends_the_test_in_one_line(string command)
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        await using var smtp = new SmtpStub();
        smtp.Answers[command] = "530 5.7.0 Authentication required";
        var settings = stub.Settings(data, await postgres.CreateMigratedDatabaseAsync());
        UseMail(settings, smtp);

        var end = await ServerProcess.RunAsync(settings, "notify", "test", "--to", "ops@example.com");

        end.ExitCode.ShouldBe(1);
        end.Out.ShouldBe("ops@example.com: failed: the server requires authentication: 530 5.7.0 Authentication required; set Email__Username and Email__Password; a running server will retry");
        end.Error.ShouldBe("", "one line says it all");
    }

    [Fact]
    public async Task The_webhook_of_an_incident_goes_at_once_while_the_mail_server_refuses_and_a_second_outage_is_told_at_once_with_both_in_the_list()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        await using var smtp = new SmtpStub();
        await using var hook = new HookStub();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        var settings = stub.Settings(data, connectionString);
        UseMail(settings, smtp);
        settings["TokenRefresh__Notifications__Email"] = "ops@example.com";
        settings["TokenRefresh__Notifications__WebhookUrls"] = hook.Address;
        settings["TokenRefresh__Notifications__WebhookSecret"] = "a secret of the webhook";
        settings["TokenRefresh__Notifications__WebhookAllowPrivate"] = "true";
        settings["TokenRefresh__Health__CheckCron"] = "*/2 * * * * *";
        smtp.Answers["MAIL"] = "530 5.7.0 Authentication required";
        await using var server = await ServerProcess.ServeAsync(settings);
        await FreshAsync(server);

        // The first outage: the mail waits, and says why; the webhook does not.
        stub.Before = RefuseAsync;
        await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force");
        await server.UntilAsync(() => Task.FromResult(Events(hook).Contains("incident.opened")), "the webhook of the first outage");
        await using var db = NpgsqlDataSource.Create(connectionString);
        await server.UntilAsync(async () => await ReadAsync(db, "SELECT last_outcome FROM notifications WHERE channel = 'email' AND status = 'pending'") is not "", "the reason of the mail");
        (await ReadAsync(db, "SELECT last_outcome FROM notifications WHERE channel = 'email'")).ShouldStartWith("the server requires authentication: 530");
        smtp.Mails.ShouldBeEmpty();

        // It ends, the mail server is well again, and the token expires within the next outage.
        stub.Before = _ => Task.FromResult(HttpStatusCode.OK);
        smtp.Answers.Clear();
        await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force");
        await server.UntilAsync(() => Task.FromResult(Events(hook).Contains("incident.recovered")), "the end of the first outage");
        stub.Before = RefuseAsync;
        await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force");
        await server.UntilAsync(async () => await ReadAsync(db, "SELECT last_error_code FROM tokens WHERE name = 'jibit'") is "credential_rejected", "the second outage has begun");
        await ReadAsync(db, "UPDATE tokens SET expires_at = expires_at - interval '25 hours' WHERE name = 'jibit' RETURNING name");
        await server.UntilAsync(() => Task.FromResult(Events(hook).Contains("incident.expired")), "the second outage", TimeSpan.FromMinutes(2));

        (await ReadAsync(db, "SELECT count(*) || ' ' || count(resolved_at) || ' ' || count(told_at) || ' ' || max(flaps) FROM incidents WHERE kind = 'failed'")).ShouldBe("2 1 2 1");
        await server.UntilAsync(() => Task.FromResult(smtp.Subjects.Exists(subject => subject.StartsWith("CRITICAL, expired", StringComparison.Ordinal))), "the mail of the second outage", TimeSpan.FromMinutes(2));
    }

    private static async Task<HttpStatusCode> RefuseAsync(HttpContext context)
    {
        context.Response.StatusCode = (int)HttpStatusCode.Unauthorized;
        await context.Response.WriteAsJsonAsync(new { code = "invalid.credentials", message = "no" });
        return HttpStatusCode.OK;
    }

    private static void UseMail(Dictionary<string, string> settings, SmtpStub smtp)
    {
        settings["Email__Host"] = "127.0.0.1";
        settings["Email__Port"] = $"{smtp.Port}";
        settings["Email__Security"] = "None";
    }

    private static List<string?> Events(HookStub hook) => [.. hook.Taken.Select(post => JsonDocument.Parse(post.Body).RootElement.GetProperty("event").GetString())];

    private static async Task<string> ReadAsync(NpgsqlDataSource db, string sql)
    {
        await using var command = db.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string ?? "";
    }

    private static Task FreshAsync(ServerProcess server) => server.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token fresh");
}
