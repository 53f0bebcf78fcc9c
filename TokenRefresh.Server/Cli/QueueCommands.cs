using System.CommandLine;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Cli;

/// <summary><c>queue …</c></summary>
internal static class QueueCommands
{
    public static Command Create(VerbHost host) => new("queue", "See workers and jobs; delete or repeat failed ones.") { Status(host), Flush(host), Retry(host) };

    private static Command Status(VerbHost host)
    {
        var json = Options.Json();
        var command = new Command("status", "Workers alive, jobs enqueued, in work, waiting for a retry, failed; exit code 1 without a live worker.") { json };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            async services =>
            {
                var view = services.GetRequiredService<QueueView>();
                var servers = await view.LiveServersAsync(cancellationToken);
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

    private static Command Flush(VerbHost host) => Bulk(host, "flush", "Delete all failed jobs.", "deleted", view => view.DeleteFailed());

    private static Command Retry(VerbHost host) => Bulk(host, "retry", "Enqueue all failed jobs again.", "enqueued again", view => view.RequeueFailed(Options.Caller));

    private static Command Bulk(VerbHost host, string name, string description, string done, Func<QueueView, int> act)
    {
        var json = Options.Json();
        var command = new Command(name, description) { json };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            services =>
            {
                var count = act(services.GetRequiredService<QueueView>());
                if (call.GetValue(json))
                {
                    Output.Json(new { Jobs = count });
                }
                else
                {
                    Console.Out.WriteLine($"{count} failed job{(count == 1 ? "" : "s")} {done}.");
                }

                return Task.FromResult(ExitCode.Done);
            },
            cancellationToken));
        return command;
    }
}
