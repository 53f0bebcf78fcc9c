using System.CommandLine;
using Hangfire;
using Hangfire.Storage;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Cli;

/// <summary><c>schedule …</c></summary>
internal static class ScheduleCommands
{
    public static Command Create(CommandRunner host) => new("schedule", "Show the recurring jobs, or run one now.") { List(host), Run(host) };

    private static Command List(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("list", "List the recurring jobs with cron, time zone, last and next run.") { json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var jobs = Jobs(services);
                var pauses = await services.GetRequiredService<RecurringJobPauses>().ListAsync(cancellationToken);
                var crons = services.GetRequiredService<RecurringJobs>().Crons();
                if (call.GetValue(json))
                {
                    Output.Json(jobs.Select(job => new { job.Id, Cron = Cron(job), PausedUntil = pauses.GetValueOrDefault(job.Id)?.Until, TimeZone = job.TimeZoneId, LastRun = job.LastExecution.Utc(), NextRun = job.NextExecution.Utc(), job.LastJobId, LastState = job.LastJobState, job.Error }));
                }
                else
                {
                    var zone = services.GetRequiredService<IOptions<ScheduleOptions>>().Value.Zone;
                    Output.Table(
                        ["ID", "CRON", new("LAST RUN", 5), new("NEXT RUN", 3), new("LAST STATE", 4, IsProse: true)],
                        jobs.Select(job => (IReadOnlyList<string>)
                            [job.Id, Cron(job), Output.At(job.LastExecution.Utc(), zone), Next(job), job.Error ?? job.LastJobState ?? "-"]),
                        "No server has installed the recurring jobs yet; start one.",
                        zone);

                    string Next(RecurringJobDto job) => pauses.TryGetValue(job.Id, out var pause) ? $"paused until {Output.At(pause.Until, zone)}" : Output.At(job.NextExecution.Utc(), zone);
                }

                return ExitCode.Done;

                string Cron(RecurringJobDto job) => crons.GetValueOrDefault(job.Id, job.Cron);
            },
            cancellationToken));
        return command;
    }

    private static Command Run(CommandRunner host)
    {
        // Not required by the parser, whose complaint could not say which there are.
        var id = new Argument<string?>("ID") { Description = $"The recurring job: {string.Join(", ", RecurringJobIds.All)}.", Arity = ArgumentArity.ZeroOrOne };
        var json = Options.Json();
        var command = new Command("run", "Run a recurring job now.") { id, json };
        command.SetAction((call, cancellationToken) =>
        {
            var asked = call.GetValue(id) ?? throw new UsageException($"Missing job ID. Jobs: {string.Join(", ", RecurringJobIds.All)}. Usage: schedule run ID");
            return host.RunAsync(services => RunAsync(services, asked, call.GetValue(json)), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(IServiceProvider services, string asked, bool json)
    {
        var jobs = Jobs(services);
        if (jobs.All(job => job.Id != asked))
        {
            throw new UsageException(jobs.Count == 0
                ? "No server has installed the recurring jobs yet; start one."
                : $"No recurring job '{asked}'. Jobs: {string.Join(", ", jobs.Select(job => job.Id))}.");
        }

        var run = await services.GetRequiredService<RecurringJobs>().RunAsync(asked, Options.Caller);
        if (json)
        {
            Output.Json(new { Id = asked, JobId = run });
        }
        else
        {
            Output.Line($"Started {asked} as job {run}.");
        }

        return ExitCode.Done;
    }

    private static List<RecurringJobDto> Jobs(IServiceProvider services)
    {
        using var connection = services.GetRequiredService<JobStorage>().GetConnection();
        return [.. connection.GetRecurringJobs().OrderBy(job => job.Id, StringComparer.Ordinal)];
    }
}
