using System.CommandLine;
using Spectre.Console;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli.Apply;

/// <summary><c>apply</c>: brings managed providers and tokens in line with a file.</summary>
internal static class ApplyCommand
{
    private const string Stdin = "-";

    /// <summary>A file with one mistake a thousand times need not fill the screen.</summary>
    private const int MostComplaints = 50;

    public static Command Create(CommandRunner host)
    {
        var file = new Option<string>("--file", "-f") { Description = "The file, YAML or JSON; - for stdin.", Required = true };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check the file and print the difference; change nothing." };
        var prune = new Option<bool>("--prune") { Description = "Also remove managed providers and tokens that the file does not name; never declared ones." };
        var untested = ProvidersCommands.Untested();
        var command = new Command(
            "apply",
            "Bring managed providers and tokens in line with a file, and print the difference. All of it is checked before anything is stored; each change is tried at the provider.\n"
            + "The file: providers: { NAME: { type: T, KEY: VALUE } }, tokens: { NAME: { provider: P, scopes: [s], grant: G, parameters: { k: v }, labels: { k: v } } }; ${NAME} stands for an environment variable.")
        {
            file, dryRun, prune, untested,
        };
        command.SetAction(async (call, cancellationToken) =>
        {
            var wanted = await ReadAsync(call.GetValue(file)!, cancellationToken);
            if (wanted is null)
            {
                return ExitCode.Usage;
            }

            var how = (Prunes: call.GetValue(prune), IsUntested: call.GetValue(untested));
            return call.GetValue(dryRun)
                ? await host.ReadAsync(services => PlanAsync(services, wanted, how.Prunes, how.IsUntested, Foresee, cancellationToken), cancellationToken)
                : await host.RunCallingAsync(services => PlanAsync(services, wanted, how.Prunes, how.IsUntested, plan => RunAsync(plan, how.IsUntested, cancellationToken), cancellationToken), cancellationToken);
        });
        return command;
    }

    private static async Task<int> PlanAsync(IServiceProvider services, CatalogFile wanted, bool prunes, bool isUntested, Func<CatalogPlan, Task<int>> then, CancellationToken cancellationToken)
    {
        var plan = await services.GetRequiredService<CatalogPlanner>().MakeAsync(wanted, prunes, isUntested, cancellationToken);
        if (plan.Wrong.Count > 0)
        {
            Complain(plan.Wrong);
            return ExitCode.Usage;
        }

        foreach (var line in plan.Steps.SelectMany(CatalogDiff.Lines))
        {
            Output.Line(line);
        }

        return await then(plan);
    }

    private static Task<int> Foresee(CatalogPlan plan)
    {
        Output.Line($"{CatalogDiff.Count(plan.Steps, "to add", "to change", "to remove")}, {plan.Unchanged} unchanged. Dry run: nothing was changed.");
        return Task.FromResult(ExitCode.Done);
    }

    private static async Task<int> RunAsync(CatalogPlan plan, bool isUntested, CancellationToken cancellationToken)
    {
        if (plan.Steps.Count == 0)
        {
            Output.Line($"Nothing to change, {plan.Unchanged} unchanged.");
            return ExitCode.Done;
        }

        var messages = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        var outcome = await messages.Progress().AutoClear(true).StartAsync(progress =>
        {
            var bar = progress.AddTask("applying", maxValue: Math.Max(1, plan.Steps.Count));
            return CatalogExecution.RunAsync(plan, new(Options.Caller, isUntested), _ => bar.Increment(1), cancellationToken);
        });
        foreach (var (step, reason) in outcome.Failed)
        {
            Output.Note($"{step}: {reason}");
        }

        foreach (var provider in outcome.Skipped.CountBy(step => step.Provider))
        {
            Output.Note($"provider {provider.Key}: {provider.Value} of its tokens not added.");
        }

        var undone = outcome.Failed.Count + outcome.Skipped.Count;
        Output.Line($"{CatalogDiff.Count(outcome.Done, "added", "changed", "removed")}, {plan.Unchanged} unchanged{(undone > 0 ? $", {undone} failed" : "")}.");
        return undone == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<CatalogFile?> ReadAsync(string path, CancellationToken cancellationToken)
    {
        var env = EnvFile.Read(HostPaths.Current.EnvFiles).Values;
        var reader = new CatalogFileReader(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : env.GetValueOrDefault(name.Replace("__", ":", StringComparison.Ordinal)));
        var shown = path == Stdin ? "stdin" : path;
        try
        {
            await using var input = path == Stdin ? Console.OpenStandardInput() : File.OpenRead(path);
            var file = reader.Read(await CatalogFileReader.TextAsync(input, cancellationToken));
            Complain(reader.Wrong.Select(what => $"{shown}, {what}"));
            return reader.Wrong.Count == 0 ? file : null;
        }
        catch (UsageException wrong)
        {
            throw new UsageException($"{shown}: {wrong.Message} Nothing was changed.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{shown} cannot be read: {error.Message}");
        }
    }

    private static void Complain(IEnumerable<string> wrong)
    {
        var all = wrong.ToList();
        foreach (var line in all.Take(MostComplaints))
        {
            Output.Note(line);
        }

        if (all.Count > 0)
        {
            Output.Note($"{(all.Count > MostComplaints ? $"And {all.Count - MostComplaints} more. " : "")}Nothing was changed.");
        }
    }
}
