using System.CommandLine;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;

namespace TokenRefresh.Server.Cli;

/// <summary><c>notify …</c></summary>
internal static class NotifyCommands
{
    public static Command Create(CommandRunner host) => new("notify", "Test notifications.") { Test(host) };

    private static Command Test(CommandRunner host)
    {
        var to = new Option<string[]>("--to") { Description = "A mail address; default: all addresses in TokenRefresh__Notifications__Email.", AllowMultipleArgumentsPerToken = true };
        to.Validators.Add(result =>
        {
            foreach (var address in (result.GetValueOrDefault<string[]>() ?? []).Where(address => !MailAddressesAttribute.IsAddress(address)))
            {
                result.AddError($"'{address}' is not a mail address such as ops@example.com.");
            }
        });
        var json = Options.Json();
        var command = new Command("test", "Send a test mail through the outbox and the mail server now, and report how it was delivered; exit code 1 unless the mail server accepted it.") { to, json };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            async services =>
            {
                var recipients = call.GetValue(to) is { Length: > 0 } asked ? asked : [.. services.GetRequiredService<IOptions<NotificationOptions>>().Value.Recipients];
                if (recipients.Length == 0)
                {
                    throw new UsageException("No recipient: set TokenRefresh__Notifications__Email, or use --to ADDRESS.");
                }

                var results = new List<(string Recipient, DeliveryOutcome Outcome)>();
                foreach (var row in services.GetRequiredService<TestMail>().For(recipients))
                {
                    results.Add((row.Recipient, await services.GetRequiredService<Outbox>().SendNowAsync(row, cancellationToken)));
                }

                Report(results, call.GetValue(json));
                return results.All(result => result.Outcome is DeliveryOutcome.Accepted) ? ExitCode.Done : ExitCode.Failed;
            },
            cancellationToken));
        return command;
    }

    // One line each: what the mail server said, or what has to be set.
    private static void Report(List<(string Recipient, DeliveryOutcome Outcome)> results, bool asJson)
    {
        var rows = results.Select(result => result.Outcome switch
        {
            DeliveryOutcome.Accepted accepted => (result.Recipient, Result: "delivered", Line: $"delivered: {accepted.Words}", Detail: accepted.Words),
            DeliveryOutcome.Written written => (result.Recipient, Result: "written", Line: written.Words, Detail: written.Words),
            DeliveryOutcome.Refused refused => (result.Recipient, Result: "refused", Line: $"refused: {refused.Reason}", Detail: refused.Reason),
            DeliveryOutcome.Failed failed => (result.Recipient, Result: "failed", Line: $"failed: {failed.Reason}; a running server will retry", Detail: failed.Reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        }).ToList();
        if (asJson)
        {
            Output.Json(rows.Select(row => new { row.Recipient, row.Result, row.Detail }));
            return;
        }

        foreach (var row in rows)
        {
            Output.Line($"{row.Recipient}: {row.Line}");
        }
    }
}
