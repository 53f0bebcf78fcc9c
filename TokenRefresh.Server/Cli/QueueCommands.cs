using System.CommandLine;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Cli;

/// <summary><c>queue …</c></summary>
internal static class QueueCommands
{
    public static Command Create(CommandRunner host) => new("queue", "Manage the queue.") { Status(host), Flush(host), Retry(host) };

    private static Command Status(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("status", "Show live workers and jobs: enqueued, processing, scheduled, failed; exit code 1 without a live worker.") { json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var view = services.GetRequiredService<QueueView>();
                var servers = await services.GetRequiredService<LiveServers>().ListAsync(cancellationToken);
                var (status, workers) = (view.Status(), servers.Sum(server => server.Workers));
                if (call.GetValue(json))
                {
                    Output.Json(new { Workers = workers, status.Enqueued, status.Processing, status.Scheduled, status.Failed, Servers = servers });
                }
                else
                {
                    Console.Out.WriteLine(
                        $"""
                         workers     {workers} alive on {servers.Count} node{(servers.Count == 1 ? "" : "s")}
                         enqueued    {status.Enqueued}
                         processing  {status.Processing}
                         scheduled   {status.Scheduled} (retries included)
                         failed      {status.Failed}
                         """);
                }

                return workers > 0 ? ExitCode.Done : ExitCode.Failed;
            },
            cancellationToken));
        return command;
    }

    private static Command Flush(CommandRunner host)
    {
        var yes = Confirmation.Option();
        var json = Options.Json();
        var command = new Command("flush", "Delete all failed jobs.") { yes, json };
        command.SetAction((call, cancellationToken) =>
        {
            var consent = Confirmation.Of(call.GetValue(yes), "queue flush permanently deletes all failed jobs; queue retry enqueues them again.");
            return host.RunAsync(services => Task.FromResult(Flush(services.GetRequiredService<QueueView>(), consent, call.GetValue(json))), cancellationToken);
        });
        return command;
    }

    private static int Flush(QueueView view, Confirmation consent, bool json)
    {
        var failed = view.Status().Failed;
        return failed > 0 && !consent.Confirms($"Permanently delete {Count(failed)}?") ? ExitCode.Failed : Report(view.DeleteFailed(), "deleted", json);
    }

    private static Command Retry(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("retry", "Enqueue all failed jobs again.") { json };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            services => Task.FromResult(Report(services.GetRequiredService<QueueView>().RequeueFailed(Options.Caller), "enqueued again", call.GetValue(json))), cancellationToken));
        return command;
    }

    private static int Report(int count, string done, bool json)
    {
        if (json)
        {
            Output.Json(new { Jobs = count });
        }
        else
        {
            Output.Line($"{Count(count)} {done}.");
        }

        return ExitCode.Done;
    }

    private static string Count(long count) => $"{count} failed job{(count == 1 ? "" : "s")}";
}
