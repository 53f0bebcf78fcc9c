using System.CommandLine;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Spectre.Console;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Cli;

/// <summary><c>tokens auto-refresh</c>: through the queue, or here and now.</summary>
internal static class AutoRefreshCommand
{
    public static Command Create(CommandRunner host)
    {
        var provider = Options.Provider();
        var token = new Option<string?>("--token") { Description = "Only this token." };
        var force = new Option<bool>("--force") { Description = "Refresh even if it is not due." };
        var sync = new Option<bool>("--sync") { Description = "Refresh directly instead of through the queue; exit code 1 if any failed." };
        var json = Options.Json();
        var command = new Command("auto-refresh", "Refresh the tokens that are due, all or some, and print the job ids.") { provider, token, force, sync, json };
        command.SetAction((call, cancellationToken) =>
        {
            var trigger = call.GetValue(force) ? RefreshTrigger.Forced : RefreshTrigger.Manual;
            var isNamed = call.GetValue(token) is not null;
            return call.GetValue(sync)
                ? host.RunCallingAsync(async services => await RefreshAsync(services, await SelectAsync(services, call.GetValue(provider), call.GetValue(token)), isNamed, trigger, call.GetValue(json), cancellationToken), cancellationToken, mayBeFirst: true)
                : host.RunFirstAsync(async services => await EnqueueAsync(services, await SelectAsync(services, call.GetValue(provider), call.GetValue(token)), trigger, call.GetValue(json)), cancellationToken);
        });
        return command;
    }

    private static async Task<List<ConfiguredToken>> SelectAsync(IServiceProvider services, string? providerName, string? tokenName)
    {
        var provider = TokensCommands.RequireProvider(services, providerName);
        if (tokenName is not null)
        {
            var token = await TokensCommands.RequireAsync(services, tokenName);
            return provider is null || token.Provider == provider
                ? [token]
                : throw new UsageException($"Token '{token.Name}' belongs to provider {token.Provider.Name}, not {provider.Name}.");
        }

        var tokens = services.GetRequiredService<TokenFinder>();
        var asked = new List<ConfiguredToken>();
        await foreach (var names in tokens.AllAsync(new(provider is null ? null : [provider.Name]), CancellationToken.None))
        {
            asked.AddRange(await tokens.FindAsync(names, CancellationToken.None));
        }

        foreach (var skipped in asked.Where(token => token.NotConfiguredBecause is not null))
        {
            Output.Note($"{skipped.Name} is not configured: {skipped.NotConfiguredBecause}.");
        }

        return [.. asked.Where(token => token.NotConfiguredBecause is null)];
    }

    private static async Task<int> EnqueueAsync(IServiceProvider services, List<ConfiguredToken> tokens, RefreshTrigger trigger, bool json)
    {
        // Only a token that was named can be here without credentials: no job could do what was asked for.
        if (tokens is [{ NotConfiguredBecause: { } missing } named])
        {
            Output.Note($"{named.Name} is not configured: {missing}.");
            return ExitCode.Failed;
        }

        var jobs = services.GetRequiredService<RefreshQueue>().Enqueue([.. tokens.Select(token => token.Name)], trigger, Options.Caller);
        await services.GetRequiredService<AuditTrail>().WriteRefreshesAsync(Options.Caller, trigger == RefreshTrigger.Forced, jobs);
        if (json)
        {
            Output.Json(jobs.Select(job => new { job.JobId, job.Tokens }));
        }
        else
        {
            Output.Table(["JOB", new("TOKENS", IsProse: true)], jobs.Select(job => (IReadOnlyList<string>)[job.JobId, string.Join(", ", job.Tokens)]), "No configured token to refresh.");
        }

        if (jobs.Count > 0 && (await services.GetRequiredService<LiveServers>().ListAsync(CancellationToken.None)).Count == 0)
        {
            Output.Note("No worker is alive: the jobs wait until a server runs. To refresh directly, add --sync.");
        }

        return ExitCode.Done;
    }

    private static async Task<int> RefreshAsync(IServiceProvider services, List<ConfiguredToken> tokens, bool isNamed, RefreshTrigger trigger, bool json, CancellationToken cancellationToken)
    {
        var refresher = services.GetRequiredService<TokenRefresher>();
        var results = new List<(string Token, RefreshOutcome Outcome)>();
        ExceptionDispatchInfo? broken = null;
        var messages = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await messages.Progress().HideCompleted(false).StartAsync(async progress =>
        {
            var running = tokens.ToDictionary(token => token, token => progress.AddTask(token.Name, new ProgressTaskSettings { MaxValue = 1 }).IsIndeterminate());
            await foreach (var done in Task.WhenEach(tokens.Select(RefreshOneAsync)))
            {
                try
                {
                    var (token, outcome) = await done;
                    running[token].IsIndeterminate(false).Increment(1);
                    results.Add((token.Name, outcome));
                    if (!json)
                    {
                        Output.Line($"{token.Name}: {Words(outcome)}");
                    }
                }
                catch (Exception error)
                {
                    // The others are waited for: an answer in flight must not be lost with the process.
                    broken ??= ExceptionDispatchInfo.Capture(error);
                }
            }
        });
        broken?.Throw();
        if (json)
        {
            Output.Json(results.Select(result => new { Token = result.Token, Outcome = Kind(result.Outcome), Message = Words(result.Outcome), (result.Outcome as RefreshOutcome.Failed)?.NextAttemptAt }));
        }

        if (results.Any(result => result.Outcome is RefreshOutcome.Failed { NextAttemptAt: not null }) && (await services.GetRequiredService<LiveServers>().ListAsync(cancellationToken)).Count == 0)
        {
            Output.Note("No worker is alive: failed refreshes are not retried until a server runs.");
        }

        // Who names a token asked for that one; among all of them, what cannot be refreshed is no failure.
        return results.Any(result => result.Outcome is RefreshOutcome.Failed || (isNamed && result.Outcome is RefreshOutcome.Skipped { Obstacle: not null })) ? ExitCode.Failed : ExitCode.Done;

        async Task<(ConfiguredToken Token, RefreshOutcome Outcome)> RefreshOneAsync(ConfiguredToken token) =>
            (token, await refresher.RefreshAsync(new(token.Name, trigger, Options.Caller), cancellationToken));
    }

    private static string Kind(RefreshOutcome outcome) => outcome switch
    {
        RefreshOutcome.Refreshed => "success",
        RefreshOutcome.Skipped { Obstacle: { } obstacle } => obstacle.Code(),
        RefreshOutcome.Skipped => "skipped",
        RefreshOutcome.InFlight => "in_flight",
        RefreshOutcome.Failed => "failed",
        _ => throw new UnreachableException(),
    };

    private static string Words(RefreshOutcome outcome) => outcome switch
    {
        RefreshOutcome.Refreshed done => $"refreshed, expires {done.ExpiresAt:u}",
        RefreshOutcome.Skipped { Obstacle: TokenState.NotConfigured } skipped => $"n{skipped.Reason[1..]}",
        RefreshOutcome.Skipped { Obstacle: { } obstacle } skipped => $"{obstacle.InWords()}: {skipped.Reason}",
        RefreshOutcome.Skipped skipped => $"skipped: {skipped.Reason}",
        RefreshOutcome.InFlight busy => $"in flight: {busy.Reason}",
        RefreshOutcome.Failed failed => $"failed: {failed.Failure.Kind.Code()}: {failed.Failure.Reason}; {(failed.NextAttemptAt is { } next ? $"next attempt {next:u}" : "retries stopped: update the credentials or settings")}",
        _ => throw new UnreachableException(),
    };
}
